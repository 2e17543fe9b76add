"""Which resource, list or action a path addresses."""

import pytest

from localcloud.chain.addressing import Types
from localcloud.chain.table import KINDS

TYPES = Types(KINDS)
WORKSPACE = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
)


@pytest.mark.parametrize(
    ("path", "method", "target", "collection", "action"),
    [
        ("/subscriptions/s/resourcegroups/G", "GET", "/subscriptions/s/resourceGroups/G", "", ""),
        (
            "/subscriptions/s/resourceGroups",
            "GET",
            "/subscriptions/s",
            "Microsoft.Resources/resourceGroups",
            "",
        ),
        (
            WORKSPACE.upper().replace("/S/", "/s/").replace("/G/", "/g/")[:-1] + "w",
            "GET",
            WORKSPACE,
            "",
            "",
        ),
        (
            f"{WORKSPACE}/COMPUTES",
            "GET",
            WORKSPACE,
            "Microsoft.MachineLearningServices/workspaces/computes",
            "",
        ),
        (f"{WORKSPACE}/computes/Cpu", "PUT", f"{WORKSPACE}/computes/Cpu", "", ""),
        (
            f"{WORKSPACE}/computes/cpu/liSTNodes",
            "POST",
            f"{WORKSPACE}/computes/cpu",
            "",
            "liSTNodes",
        ),
        (
            "/subscriptions/s/providers/microsoft.machinelearningservices/workspaces",
            "GET",
            "/subscriptions/s",
            "Microsoft.MachineLearningServices/workspaces",
            "",
        ),
        (
            f"{WORKSPACE}/providers/microsoft.authorization/roleassignments/1",
            "PUT",
            f"{WORKSPACE}/providers/Microsoft.Authorization/roleAssignments/1",
            "",
            "",
        ),
        (
            f"{WORKSPACE}/environments/azureml%3Aenv/versions",
            "GET",
            f"{WORKSPACE}/environments/azureml:env",
            "Microsoft.MachineLearningServices/workspaces/environments/versions",
            "",
        ),
        (f"/{WORKSPACE}//computes/cpu", "GET", f"{WORKSPACE}/computes/cpu", "", ""),
    ],
)
def test_a_path_addresses(path, method, target, collection, action):
    address = TYPES.address(path, method)
    assert address is not None
    assert (str(address.target), address.collection, address.action) == (target, collection, action)


@pytest.mark.parametrize(
    "path", ["/", "/subscriptions", "/elsewhere/x", f"{WORKSPACE[:-2]}/w/providers"]
)
def test_a_path_that_is_not_an_arm_path(path):
    assert TYPES.address(path, "GET") is None
