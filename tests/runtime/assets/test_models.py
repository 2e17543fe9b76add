"""Models: registered, listed, changed, downloaded."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from runtime.agent.assets.datastore import Datastore
from runtime.agent.assets.errors import UserErrorException, WebserviceException
from runtime.agent.assets.model import Model, register_uri
from runtime.agent.assets.resource_configuration import ResourceConfiguration


@pytest.fixture
def file(tmp_path):
    (tmp_path / "model.pkl").write_text("weights")
    return str(tmp_path / "model.pkl")


def test_versions_count_up_and_come_newest_first(workspace, file):
    made = [Model.register(workspace, file, "m", tags={"n": str(n)}) for n in range(3)]
    assert [model.version for model in made] == [1, 2, 3]
    assert [model.id for model in Model.list(workspace, name="m")] == ["m:3", "m:2", "m:1"]
    assert Model(workspace, "m").version == 3
    assert Model(workspace, id="m:2").tags == {"n": "1"}
    assert Model(workspace, "m", version=1).tags == {"n": "0"}


def test_what_is_registered_is_read_back(workspace, file):
    resources = ResourceConfiguration(cpu=1, memory_in_gb=0.5)
    Model.register(
        workspace=workspace,
        model_path=file,
        model_name="full",
        tags={"area": "x"},
        properties={"acc": "0.9"},
        description="best",
        model_framework=Model.Framework.SCIKITLEARN,
        model_framework_version="1.0",
        resource_configuration=resources,
        datasets=[("training", "d:1")],
    )
    model = Model(workspace, "full")
    assert (model.tags, model.properties, model.description) == (
        {"area": "x"},
        {"acc": "0.9"},
        "best",
    )
    assert (model.model_framework, model.model_framework_version) == ("ScikitLearn", "1.0")
    assert model.resource_configuration.memory_in_gb == 0.5
    assert model.datasets == {"training": ["d:1"]}
    assert model.serialize()["id"] == "full:1"
    assert Model.deserialize(workspace, model.serialize()).id == "full:1"


def test_models_are_found_by_what_they_are(workspace, file):
    Model.register(workspace, file, "one", tags={"kind": "a"}, properties={"p": "1"})
    Model.register(workspace, file, "two", tags={"kind": "b"})
    Model.register(workspace, file, "two", tags={"kind": "a"})
    names = lambda **how: [m.id for m in Model.list(workspace, **how)]  # noqa: E731
    assert names() == ["two:2", "two:1", "one:1"]
    assert names(latest=True) == ["two:2", "one:1"]
    assert names(tags=["kind"]) == ["two:2", "two:1", "one:1"]
    assert names(tags=[("kind", "a")]) == ["two:2", "one:1"]
    assert names(properties={"p": "1"}) == ["one:1"]
    assert names(model_framework="Onnx") == []
    assert Model(workspace, "two", tags=[["kind", "b"]]).version == 1


def test_a_file_and_a_folder_are_downloaded(workspace, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "net"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "w.bin").write_bytes(b"w")
    (folder / "config.json").write_text("{}")
    model = Model.register(workspace, file, "m")
    target = model.download(str(tmp_path / "to"))
    assert target == str(tmp_path / "to" / "model.pkl")
    assert (tmp_path / "to" / "model.pkl").read_text() == "weights"
    with pytest.raises(WebserviceException, match="exist_ok"):
        model.download(str(tmp_path / "to"))
    assert model.download(str(tmp_path / "to"), exist_ok=True) == target
    net = Model.register(workspace, str(folder), "net").download(str(tmp_path / "to"))
    assert (tmp_path / "to" / "net" / "sub" / "w.bin").read_bytes() == b"w"
    assert net == str(tmp_path / "to" / "net")
    path = Model.get_model_path("net", _workspace=workspace)
    assert path.endswith("net/1/net")


def test_tags_change_and_properties_only_grow(workspace, file):
    model = Model.register(workspace, file, "m", tags={"a": "1"}, properties={"p": "1"})
    model.add_tags({"b": "2"})
    model.remove_tags(["a"])
    model.add_properties({"q": "2"})
    model.update(description="new")
    model.add_dataset_references([("training", "d:1")])
    model.add_dataset_references([("training", "d:2"), ("test", "d:3")])
    again = Model(workspace, "m")
    assert (again.tags, again.description) == ({"b": "2"}, "new")
    assert again.properties == {"p": "1", "q": "2"}
    assert again.datasets == {"training": ["d:1", "d:2"], "test": ["d:3"]}
    with pytest.raises(WebserviceException, match="immutable"):
        model.add_properties({"p": "2"})


def test_an_absent_model_is_a_webservice_exception(workspace, file):
    for how in ({"name": "none"}, {"id": "none:1"}, {"name": "none", "version": 7}):
        with pytest.raises(WebserviceException, match="ModelNotFound"):
            Model(workspace, **how)
    model = Model.register(workspace, file, "gone")
    model.delete()
    with pytest.raises(WebserviceException):
        Model(workspace, "gone")


@pytest.mark.parametrize(("name", "near"), [("my model", "my-model"), ("a/b", "a-b"), ("_x", "x")])
def test_a_name_that_cannot_be_is_refused_with_one_that_can(workspace, file, name, near):
    with pytest.raises(UserErrorException, match=f"Try '{near}'"):
        Model.register(workspace, file, name)


def test_registering_at_once_gives_each_a_version(workspace, file):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: Model.register(workspace, file, "busy"), range(8)))
    assert sorted(model.version for model in made) == list(range(1, 9))


def test_an_output_of_a_run_is_registered_where_it_is(workspace):
    store = Datastore(workspace, "workspaceartifactstore")
    store.container().create()
    store.container().write("ExperimentRun/dcid.run1/outputs/m.pkl", b"1")
    uri = store.uri("ExperimentRun/dcid.run1/outputs/m.pkl")
    model = register_uri(workspace, uri, "fromrun", run_id="run1")
    assert Model(workspace, "fromrun").run_id == "run1"
    assert [m.id for m in Model.list(workspace, run_id="run1")] == [model.id]


@pytest.mark.parametrize("verb", ["deploy", "package", "profile"])
def test_deployment_is_refused_by_name(workspace, verb):
    with pytest.raises(UserErrorException, match=f"Model.{verb}"):
        getattr(Model, verb)(workspace, "x", [])
