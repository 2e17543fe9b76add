"""The HDInsight target: PySpark scripts on a cluster, and Python on its head node.

A run's carrier holds the connection to the head node (``hdinsight_place``) or asks the cluster's
Livy (``livy_place``); nothing here connects to a cluster.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

from infra.contract.errors import UsageError
from infra.contract.json_types import Document
from runtime.model.runs import PreparedRun, RunSpec
from runtime.targets.agent_options import agent_options
from runtime.targets.carried import EnterableTarget
from runtime.targets.spark_options import batch_of, on_yarn
from runtime.targets.ssh_machine import Machine
from runtime.targets.ssh_reach import require_usable

HDINSIGHT: Final = "hdinsight"
LIVY: Final = "livy"


class HdinsightTarget(EnterableTarget):
    """Runs on one cluster, with their folders below ``<home>/runs``.

    ``head`` is its head node, ``None`` if its address is not known. ``resource`` is the cluster's
    ARM id in ``cloud`` (``local`` or ``azure``), empty if it was attached by an address.
    """

    def __init__(
        self,
        name: str,
        home: Path,
        head: Machine,
        *,
        cloud: str,
        resource: str,
        manifest: Path,
        stack: str,
    ) -> None:
        place = {**head.settings(), "kind": HDINSIGHT}
        super().__init__(name, home, place, manifest=manifest, stack=stack)
        self._head = head
        self._livy = {"kind": LIVY, "target": name, "cloud": cloud, "resource": resource}

    def plan(self, spec: RunSpec) -> str:
        """Raise ``PlatformError`` if the head node of a run over ssh cannot be used now."""
        if not through_livy(spec):
            require_usable([self._head], self._home)
        return ""

    def options_of(self, run: PreparedRun) -> tuple[str, ...]:
        """Return the agent's options: a PySpark script is submitted to YARN."""
        if through_livy(run.spec):
            # The agent is the driver: it starts the script itself.
            return agent_options(replace(run.spec, framework="Python"))
        return agent_options(run.spec, on_yarn)

    def place_of(self, run: PreparedRun) -> Document:
        """Return the head node, or the cluster's gateway."""
        if through_livy(run.spec):
            return {**self._livy, "batch": batch_of(run.spec)}
        return super().place_of(run)

    def check(self, spec: RunSpec) -> None:
        """Raise ``UsageError`` for Livy on a cluster that was attached by an address."""
        super().check(spec)
        if through_livy(spec) and not self._livy["resource"]:
            raise UsageError(
                f"Livy of {self.name!r} cannot be found: the stack file attaches the cluster by"
                " its address.",
                remedy="Attach it by `resource_id`, or submit the run over ssh.",
                at=spec.origins.get("hdinsight"),
            )


def through_livy(spec: RunSpec) -> bool:
    """Return whether a run is submitted through Livy."""
    return spec.hdinsight is not None and spec.hdinsight.through == LIVY
