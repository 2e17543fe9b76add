"""Which route a path matches, and with what parameters."""

import pytest

from localcloud.calls.messages import Call, Reply
from localcloud.calls.routes import Route, RouteTable

WORKSPACE = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
)
SLASHES = WORKSPACE.replace("/", "//")


def nothing(_: Call) -> Reply:
    return Reply()


TABLE = RouteTable(
    Route("GET", template, nothing)
    for template in (
        "/metadata/endpoints",
        "/history/v1.0{ws}/runs/{run}",
        "/files{ws}/{name:path}",
        "/{account:account}/{container}/{blob:path}",
    )
)


def matched(path):
    route, params = next(TABLE.candidates("GET", path))
    return route.template, params


@pytest.mark.parametrize(
    "path",
    [
        "/metadata/endpoints",
        "//metadata/endpoints",
        "///metadata//endpoints",
        "/Metadata/Endpoints",
    ],
)
def test_slashes_in_a_row_count_as_one(path):
    assert matched(path) == ("/metadata/endpoints", {})


@pytest.mark.parametrize("workspace", [WORKSPACE, f"/{WORKSPACE}", SLASHES])
def test_an_id_may_be_behind_a_slash(workspace):
    template, params = matched(f"/history/v1.0{workspace}/runs/r1")
    assert template == "/history/v1.0{ws}/runs/{run}"
    assert params == {"subscription": "s", "resource_group": "g", "workspace": "w", "run": "r1"}


@pytest.mark.parametrize("blob", ["a/b", "a//b", "/a", "a//"])
def test_names_with_slashes_keep_all_of_them(blob):
    assert matched(f"/account1/container/{blob}")[1]["blob"] == blob
    assert matched(f"/files{SLASHES}/{blob}")[1]["name"] == blob
