"""Finding a workspace as azureml-core's scripts do: by a file, or by its names."""

import json

import pytest

from aml_platform import (
    UserErrorException,
    Workspace,
    WorkspaceException,
    WorkspaceNotFoundException,
)
from infra.contract.errors import NotDeployedError
from tests.api.conftest import SUBSCRIPTION

NAMES = {
    "subscription_id": SUBSCRIPTION.upper(),
    "resource_group": "SHOP-rg",
    "workspace_name": "shop",
}
SCOPE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/shop-rg/providers"
    "/Microsoft.MachineLearningServices/workspaces/shop/experiments/e"
)


def write(file, document):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize("place", ["config.json", ".azureml/config.json", "aml_config/config.json"])
@pytest.mark.parametrize("where", [".", ".."])
@pytest.mark.parametrize("document", [NAMES, {"Id": None, "Scope": SCOPE}])
def test_the_file_names_the_workspace(home, tmp_path, place, where, document):
    write(tmp_path / "work" / where / place, document)
    assert Workspace.from_config().name == "shop"


@pytest.mark.parametrize("path", ["elsewhere", "elsewhere/.azureml/config.json"])
def test_the_path_may_be_a_file_or_a_folder(home, tmp_path, path):
    write(tmp_path / "work/elsewhere/.azureml/config.json", NAMES)
    assert Workspace.from_config(path).name == "shop"


def test_the_name_of_the_file_may_be_another(home, tmp_path):
    write(tmp_path / "work/.azureml/ws.json", NAMES)
    assert Workspace.from_config(_file_name="ws.json", auth=None).name == "shop"


def test_without_a_file_it_is_the_selected_stack(home, tmp_path, monkeypatch):
    (tmp_path / "work/Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    assert Workspace.from_config().name == "demo"
    monkeypatch.setenv("AML_STACK", "prod")
    assert Workspace.from_config().name == "shop"


def test_a_file_of_a_workspace_that_no_stack_deployed_is_refused(home, tmp_path):
    write(tmp_path / "work/config.json", {**NAMES, "workspace_name": "<workspace>"})
    with pytest.raises(WorkspaceNotFoundException) as refused:
        Workspace.from_config()
    assert "'<workspace>' in resource group 'SHOP-rg'" in refused.value.detail
    assert refused.value.at == str(tmp_path / "work/config.json")
    assert "'demo' (stack 'local'), 'shop' (stack 'prod')" in refused.value.remedy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "JSON object"),
        ('{"workspace_name": "shop"}', "subscription_id, resource_group"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error(home, tmp_path, text, said):
    (tmp_path / "work/config.json").write_text(text)
    with pytest.raises(UserErrorException, match=said):
        Workspace.from_config()


def test_a_path_without_a_file_is_an_error(home):
    with pytest.raises(WorkspaceException, match=r"no config\.json"):
        Workspace.from_config(path="nowhere")


@pytest.mark.parametrize("more", [{}, {"resource_group": "shop-rg"}, {"location": "anywhere"}])
def test_a_workspace_is_got_by_name(home, more):
    assert Workspace.get(name="shop", **more).resource_group == "shop-rg"


def test_a_workspace_by_its_three_names(home):
    assert Workspace(SUBSCRIPTION, "shop-rg", "shop").session.stack == "prod"
    with pytest.raises(NotDeployedError):
        Workspace(SUBSCRIPTION, "shop-rg", "demo")


def test_an_existing_workspace_is_not_created_again(home):
    names = {"subscription_id": SUBSCRIPTION, "resource_group": "shop-rg", "location": "westeurope"}
    assert (
        Workspace.create("shop", exist_ok=True, create_resource_group=True, **names).name == "shop"
    )
    with pytest.raises(UserErrorException, match="already exists"):
        Workspace.create("shop", **names)
    with pytest.raises(UserErrorException, match="not deployed"):
        Workspace.create("new", exist_ok=True, **names)


def test_a_misspelt_parameter_is_refused_with_the_nearest(home):
    with pytest.raises(TypeError) as unknown:
        Workspace.create("shop", exists_ok=True)
    assert "'exist_ok'" in unknown.value.remedy
    with pytest.raises(TypeError):
        Workspace.get("shop", resource_grp="shop-rg")


def test_workspaces_are_listed_by_name(home):
    assert sorted(Workspace.list(SUBSCRIPTION)) == ["demo", "shop"]
    assert Workspace.list(SUBSCRIPTION, resource_group="other") == {}


def test_what_is_written_is_found_again(home, tmp_path):
    Workspace.get("shop").write_config(path=tmp_path / "work")
    found = Workspace.from_config()
    assert (found.name, found.subscription_id) == ("shop", SUBSCRIPTION)


def test_computes_are_a_dictionary(workspace):
    assert "cpu" in workspace.compute_targets
    assert workspace.compute_targets.get("gpu") is None
    assert [(name, each.name) for name, each in workspace.compute_targets.items()] == [
        ("cpu", "cpu")
    ]
    assert workspace.get_default_compute_target("CPU").name == "cpu"


def test_what_a_workspace_does_not_offer_is_refused_when_used(workspace):
    with pytest.raises(UserErrorException, match="webservices is not offered"):
        _ = workspace.webservices
    assert not hasattr(workspace, "webservices")


def test_a_misspelt_attribute_leads_to_the_right_one(workspace):
    with pytest.raises(AttributeError, match="Did you mean 'subscription_id'"):
        _ = workspace.subsription_id
    with pytest.raises(AttributeError):
        _ = workspace._workspace_id_internal
