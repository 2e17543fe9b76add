"""Requests of a script go to its workspace and nowhere else."""

import pytest

from runtime.agent.gateway import below_workspace
from runtime.agent.wire import RefusalError

ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("", ""),
        ("/models/m/versions?$top=3", "/models/m/versions?$top=3"),
        (f"https://management.azure.com{ID}/models?$skip=1", "/models?$skip=1"),
        (f"https://elsewhere.example{ID.lower()}/models", "/models"),
    ],
)
def test_what_is_below_the_workspace_is_sent_there(path, below):
    assert below_workspace(ID, path) == below


@pytest.mark.parametrize(
    "path",
    [
        "models",
        "/../other",
        "/models/../../../x",
        "https://elsewhere.example/models",
        f"https://management.azure.com{ID}2/models",
        f"https://management.azure.com{ID}/../x",
    ],
)
def test_anything_else_is_refused(path):
    with pytest.raises(RefusalError, match="not in the run's workspace"):
        below_workspace(ID, path)
