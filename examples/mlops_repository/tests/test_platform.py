"""What each stack file declares, deployed to a local cloud."""

from collections.abc import Callable

import pytest

from aml_platform import Workspace


@pytest.mark.parametrize("stack", ["dev", "test", "prod"])
def test_a_stack_has_a_cluster_to_train_on(
    deployed: Callable[[str], Workspace], stack: str
) -> None:
    workspace = deployed(f"stacks/Pulumi.{stack}.yaml")
    assert workspace.name == f"churn-{stack}"
    assert workspace.compute_targets["cpu"].max_nodes >= 1
