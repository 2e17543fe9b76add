"""What a run can reach beyond itself: its workspace, and other runs of its project.

The script asks the agent, and the agent asks a gateway: whoever starts the agent passes one. A
script never sees the credentials that a gateway uses.
"""

from __future__ import annotations

import typing
from urllib.parse import urlsplit

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

    def storage_token(self) -> str | None:
        """Return a token for storage, of the run's identity; ``None`` without one."""

    def secrets(self, method: str, path: str, body: JsonObject | None) -> ArmAnswer:
        """Send a request about the workspace's secrets; ``path`` is ``""`` or ``/NAME``."""

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

    def storage_token(self) -> str | None:
        return None

    def secrets(self, method: str, path: str, body: JsonObject | None) -> ArmAnswer:
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


def below_workspace(workspace_id: str, path: str) -> str:
    """Return what follows the workspace's id: ``path`` itself, or the end of an address.

    Of an address from an earlier answer (the next page) only the path counts: a request goes
    nowhere but to the workspace. Raises ``RefusalError`` for anything else.
    """
    parts = urlsplit(path)
    below = parts.path
    if parts.netloc:
        inside = below.lower().startswith(f"{workspace_id.lower()}/")
        below = below[len(workspace_id) :] if inside else ".."
    if ".." in below.split("/") or (below and not below.startswith("/")):
        raise RefusalError("INVALID_PARAMETER_VALUE", f"{path} is not in the run's workspace.")
    return below + (f"?{parts.query}" if parts.query else "")


def _no_workspace() -> RefusalError:
    return RefusalError(
        "NO_WORKSPACE",
        "This run belongs to no workspace: the agent was started by hand. Submit the script with"
        " `aml submit`, after `aml up` has deployed a workspace.",
    )
