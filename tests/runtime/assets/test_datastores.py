"""Datastores: files in and out of a workspace's storage, references, registering."""

import os

import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas

from runtime.agent.assets.datastore import AzureBlobDatastore, Datastore
from runtime.agent.assets.errors import UserErrorException


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a few files."""
    for name, text in {
        "a.txt": "a",
        "sub/b.txt": "b" * 10,
        "sub/ü x%.txt": "c",
        "empty": "",
    }.items():
        file = tmp_path / "src" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "src"


def read(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_workspace_has_a_default_datastore(workspace):
    default = Datastore.get_default(workspace)
    assert default.name == "workspaceblobstore"
    assert isinstance(default, AzureBlobDatastore)
    assert default.datastore_type == "AzureBlob"
    assert default.container_name.startswith("azureml-blobstore-")
    assert "/" not in default.account_name
    assert Datastore(workspace, "workspaceblobstore").name == default.name


def test_a_datastore_says_what_its_credentials_are(workspace):
    store = Datastore.register_azure_data_lake_gen2(
        workspace, "lake", "files", "lakeaccount", "tenant", "client", "s3cret",
        subscription_id="sub", resource_group="lake-rg",
    )  # fmt: skip
    assert (store.tenant_id, store.client_id, store.client_secret) == ("tenant", "client", "s3cret")
    assert (store.subscription_id, store.resource_group) == ("sub", "lake-rg")
    assert Datastore.get_default(workspace).client_id is None


def test_an_unknown_datastore_is_refused_with_those_there_are(workspace):
    with pytest.raises(UserErrorException, match="workspaceblobstore"):
        Datastore.get(workspace, "nowhere")


def test_a_folder_comes_back_as_it_was(workspace, folder, tmp_path):
    store = Datastore(workspace)
    reference = store.upload(str(folder), "data/in", show_progress=False)
    assert reference.path_on_datastore == "data/in"
    assert store.download(str(tmp_path / "back"), "data/in", show_progress=False) == 4
    assert read(tmp_path / "back" / "data" / "in") == read(folder)


def test_what_is_there_is_replaced_only_on_request(workspace, folder, tmp_path):
    store = Datastore(workspace)
    store.upload(str(folder), "d", show_progress=False)
    (folder / "a.txt").write_text("new")
    store.upload(str(folder), "d", show_progress=False)
    store.download(str(tmp_path / "x"), "d/a.txt", show_progress=False)
    assert (tmp_path / "x/d/a.txt").read_text() == "a"
    store.upload(str(folder), "d", overwrite=True, show_progress=False)
    store.download(str(tmp_path / "x"), "d/a.txt", show_progress=False)
    assert (tmp_path / "x/d/a.txt").read_text() == "a"
    store.download(str(tmp_path / "x"), "d/a.txt", overwrite=True, show_progress=False)
    assert (tmp_path / "x/d/a.txt").read_text() == "new"


def test_files_are_named_below_their_root(workspace, folder, tmp_path):
    store = Datastore(workspace)
    files = [str(folder / "a.txt"), str(folder / "sub/b.txt")]
    store.upload_files(files, target_path="flat", show_progress=False)
    store.upload_files(files, str(folder), "deep", show_progress=False)
    assert sorted(blob.name for blob in store.blobs("")) == [
        "deep/a.txt", "deep/sub/b.txt", "flat/a.txt", "flat/b.txt",
    ]  # fmt: skip


def test_a_prefix_is_a_folder_and_no_beginning_of_a_name(workspace, folder):
    store = Datastore(workspace)
    store.upload(str(folder), "data", show_progress=False)
    store.upload(str(folder), "data2", show_progress=False)
    assert len(store.blobs("data")) == 4


@pytest.mark.parametrize("path", ["../x", "a/../../x", "a\nb"])
def test_no_path_leads_out_of_a_datastore(workspace, folder, path):
    with pytest.raises(UserErrorException):
        Datastore(workspace).upload(str(folder), path)


def test_a_large_file_goes_in_blocks_and_comes_back_whole(workspace, tmp_path):
    store = Datastore(workspace)
    block = os.urandom(1 << 20)
    with (tmp_path / "large").open("wb") as sink:
        for number in range(70):
            sink.write(bytes([number]) + block)
    store.upload_files([str(tmp_path / "large")], show_progress=False)
    store.download(str(tmp_path / "back"), "large", show_progress=False)
    assert (tmp_path / "back/large").read_bytes() == (tmp_path / "large").read_bytes()


def test_names_that_are_a_file_and_a_folder_are_refused_before_anything_is_written(
    workspace, tmp_path
):
    store = Datastore(workspace)
    for name in ("x", "x/y"):
        store.container().write(f"d/{name}", b"1")
    with pytest.raises(UserErrorException, match="both a file and a folder"):
        store.download(str(tmp_path / "back"), "d", show_progress=False)
    assert not (tmp_path / "back").exists()


def test_a_reference_stands_for_its_path(workspace):
    store = Datastore(workspace)
    reference = store.path("images/train", data_reference_name="train")
    assert str(reference) == "$AZUREML_DATAREFERENCE_train"
    assert str(store.as_mount()) == "$AZUREML_DATAREFERENCE_workspaceblobstore"
    assert reference.as_download("here").mode == "download"
    assert reference.path("x").path_on_datastore == "images/train/x"
    with pytest.raises(UserErrorException):
        store.path("x", data_reference_name="1-a")


def test_a_container_is_registered_and_used(workspace, folder, capsys):
    default = Datastore(workspace)
    made = Datastore.register_azure_blob_container(
        workspace=workspace,
        datastore_name="mine",
        container_name="my-container",
        account_name=default.account_name,
        account_key=default.account_key,
        create_if_not_exists=True,
    )
    made.upload(str(folder), show_progress=True)
    assert "4 of 4 file(s)" in capsys.readouterr().out
    assert len(made.blobs("")) == 4
    assert set(Datastore.all(workspace)) > {"mine", "workspaceblobstore"}
    with pytest.raises(UserErrorException, match="overwrite"):
        Datastore.register_azure_blob_container(workspace, "mine", "c", "a", account_key="aGk=")
    made.set_as_default()
    assert Datastore(workspace).name == "mine"
    default.set_as_default()
    made.unregister()
    assert "mine" not in Datastore.all(workspace)


def test_a_container_is_reached_by_a_signature(workspace):
    default = Datastore(workspace)
    token = generate_container_sas(
        default.account_name,
        default.container_name,
        account_key=default.account_key,
        permission=ContainerSasPermissions(read=True, write=True, list=True, create=True),
        expiry="2099-01-01T00:00:00Z",
    )
    made = Datastore.register_azure_blob_container(
        workspace, "signed", default.container_name, default.account_name, sas_token=token
    )
    made.container().write("signed/x", b"1")
    assert default.container().read("signed/x") == b"1"
    assert made.is_sas


@pytest.mark.parametrize(
    "verb", ["azure_sql_database", "azure_postgre_sql", "azure_my_sql", "dbfs"]
)
def test_other_storage_is_refused_by_name(workspace, verb):
    with pytest.raises(UserErrorException, match=verb):
        getattr(Datastore, f"register_{verb}")(workspace, "x")


def test_a_file_share_is_registered_and_takes_no_files(workspace, folder):
    share = Datastore.register_azure_file_share(workspace, "share", "s", "acct", account_key="aGk=")
    assert share.datastore_type == "AzureFile"
    with pytest.raises(UserErrorException, match="AzureFile"):
        share.upload(str(folder))


def test_a_data_lake_is_registered_with_its_service_principal(workspace):
    made = Datastore.register_azure_data_lake_gen2(
        workspace, "lake", "fs", "acct", tenant_id="t", client_id="c", client_secret="s"
    )
    assert (made.datastore_type, made.container_name) == ("AzureDataLakeGen2", "fs")
    with pytest.raises(UserErrorException, match="client_secret"):
        Datastore.register_azure_data_lake_gen2(
            workspace, "lake2", "fs", "acct", tenant_id="t", client_id="c"
        )
