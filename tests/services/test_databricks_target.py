"""Runs on Databricks keep the contract: the carrier drives the workspace with databricks-sdk."""

import pytest

from runtime.targets.databricks import DatabricksTarget
from runtime.testing.targets import MirroringContract, TargetContract


@pytest.fixture(scope="module")
def bricks(cloud, deployed, tmp_path_factory):
    """A workspace and the file of a token for it."""
    made = deployed("Microsoft.Databricks/workspaces", "target", sku={"name": "premium"})
    url = f"https://{made['properties']['workspaceUrl']}"
    answer = cloud.http.post(f"{url}/api/2.0/token/create", json={"comment": "tests"})
    file = tmp_path_factory.mktemp("keys") / "bricks.token"
    file.write_text(answer.json()["token_value"])
    return made["id"], file


@pytest.fixture
def home(cloud, tmp_path):
    """A project's folder, with the cloud of the session."""
    made = tmp_path / "project" / ".aml"
    made.mkdir(parents=True)
    (made / "cloud").symlink_to(cloud.home / "cloud")
    return made


@pytest.fixture
def make_target(bricks, home):
    resource_id, token = bricks
    return lambda: DatabricksTarget(
        "bricks",
        home,
        resource_id,
        {"access_token": f"file:{token}"},
        cloud="local",
        manifest=home / "manifest.json",
        stack="dev",
    )


class TestDatabricksTarget(TargetContract, MirroringContract):
    patience_s = 90.0

    @pytest.fixture
    def make_target(self, make_target):
        return make_target
