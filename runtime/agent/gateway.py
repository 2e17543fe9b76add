"""What a run can reach beyond itself: its workspace, and other runs of its project.

The script asks the agent, and the agent asks a gateway: whoever starts the agent passes one. A
script never sees the credentials that a gateway uses.
"""

from __future__ import annotations

import typing

from runtime.agent.documents import JsonObject
from runtime.agent.wire import RefusalError

ArmAnswer: typing.TypeAlias = "tuple[int, JsonObject]"


class Gateway(typing.Protocol):
    """Access to a workspace. Every method may take a while and may be called from any thread."""

    def workspace(self) -> JsonObject:
        """Return ``id`` (ARM), and ``ca_file`` if its storage needs one; ``RefusalError``."""

    def own_run(self) -> JsonObject:
        """Return what the service knows of the script's own run, named as in ``RunFacts``."""

    def own_environment(self) -> JsonObject:
        """Return the ``name``, ``version`` and ``conda`` document of the run's environment."""

    def arm(self, method: str, path: str, body: JsonObject | None) -> ArmAnswer:
        """Send a request and return status and answer; ``path`` is below the workspace's id."""

    def other_run(self, run_id: str) -> JsonObject | None:
        """Return another run of the project: ``id``, ``status``, ``tags`` and ``metrics``."""

    def other_runs(self, experiment: str) -> list[JsonObject]:
        """Return the runs of an experiment that the tracking server does not know."""

    def change_run(self, run_id: str, kind: str, data: JsonObject) -> bool:
        """Apply an event to another run; ``False`` if there is no such run."""


class NoGateway:
    """The gateway of an agent that was started without one."""

    def workspace(self) -> JsonObject:
        raise _no_workspace()

    def own_run(self) -> JsonObject:
        return {}

    def own_environment(self) -> JsonObject:
        return {}

    def arm(self, method: str, path: str, body: JsonObject | None) -> ArmAnswer:
        del method, path, body
        raise _no_workspace()

    def other_run(self, run_id: str) -> JsonObject | None:
        del run_id
        return None

    def other_runs(self, experiment: str) -> list[JsonObject]:
        del experiment
        return []

    def change_run(self, run_id: str, kind: str, data: JsonObject) -> bool:
        del run_id, kind, data
        return False


def _no_workspace() -> RefusalError:
    return RefusalError(
        "NO_WORKSPACE",
        "This run belongs to no workspace: the agent was started by hand. Submit the script with"
        " `aml submit`, after `aml up` has deployed a workspace.",
    )
