"""The kinds of targets: built-in ones, and those of the entry-point group ``aml.targets``.

A target's module is imported only when it is used.
"""

from collections.abc import Callable
from typing import Final

from infra.contract.load import load, look_up
from runtime.targets.base import Target

GROUP: Final = "aml.targets"
BUILT_IN: Final = {
    "azureml": "runtime.targets.azureml:AzureMLTarget",
    "databricks": "runtime.targets.databricks:DatabricksTarget",
    "batch": "runtime.targets.batch:BatchTarget",
    "docker": "runtime.targets.docker_target:DockerTarget",
    "hdinsight": "runtime.targets.hdinsight:HdinsightTarget",
    "ssh": "runtime.targets.ssh:SshTarget",
    "ssh_nodes": "runtime.targets.ssh:SshNodesTarget",
    "local": "runtime.targets.local:LocalTarget",
    "run_cluster": "runtime.targets.run_cluster:RunClusterTarget",
}
"""Kind of target → import path of its class. Constructors differ."""


def target_kinds() -> dict[str, str]:
    """Return every installed kind of target, and the import path of its class."""
    entry_points = load("importlib.metadata:entry_points")
    return {entry.name: entry.value for entry in entry_points(group=GROUP)} | BUILT_IN


def target_class(kind: str) -> Callable[..., Target]:
    """Return the class of one kind. Raises ``UnknownNameError``, which suggests the nearest."""
    # Looking for entry points reads the metadata of everything installed.
    known = BUILT_IN if kind in BUILT_IN else target_kinds()
    found: Callable[..., Target] = load(look_up(kind, known, noun="kind of target"), extra=kind)
    return found
