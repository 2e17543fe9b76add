"""The head node of an HDInsight cluster, reached over ssh, as the place of a carried run.

All is as on any machine, but that a PySpark script is submitted to YARN: the environment that was
built on the head node is sent along with it.
"""

from dataclasses import replace
from typing import Final

from runtime.agent.spark_asked import asked_of
from runtime.targets.places import Shipment
from runtime.targets.ssh_place import SshPlace
from runtime.targets.ssh_session import Environment

_SPARK: Final = "--spark="


class HdinsightPlace(SshPlace):
    """One run at a head node."""

    def arguments(self, shipment: Shipment, made: Environment, folder: str) -> list[str]:
        """Return the agent's arguments, with the environment that it sends along."""
        task = shipment.task
        options = tuple(
            _with_environment(each, folder) if each.startswith(_SPARK) else each
            for each in task.options
        )
        return super().arguments(
            replace(shipment, task=replace(task, options=options)), made, folder
        )

    def may_start_again(self) -> bool:
        """Return ``False``: its application may still run on the cluster."""
        return False


def _with_environment(option: str, folder: str) -> str:
    asked = asked_of(option.removeprefix(_SPARK))
    return f"{_SPARK}{replace(asked, environment=folder).text()}"
