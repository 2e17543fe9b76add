"""What the azureml target does with the compute of a run, beside submitting to it.

A stopped compute instance is named before anything is sent, and started on request; a run that
waits longer for nodes than it may is canceled.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Protocol

from infra.catalogue.api_versions import MACHINE_LEARNING
from infra.contract.errors import UsageError
from infra.contract.json_types import Document
from runtime.model.runs import QUEUE_TIMEOUT
from runtime.model.states import RunState

_STOPPED: Final = frozenset({"Stopped", "Stopping"})
_WAITING: Final = frozenset(
    {RunState.NOT_STARTED, RunState.STARTING, RunState.QUEUED, RunState.PROVISIONING}
)
_GRACE_S: Final = 30.0
"""The local cloud keeps the limit itself, and says more."""


class ArmClient(Protocol):
    """What is used of `infra.arm`'s client."""

    def complete(
        self,
        method: str,
        path_or_url: str,
        *,
        api_version: str = "",
        body: object = None,
        params: Mapping[str, str] | None = None,
    ) -> object:
        """Send a request and follow the operation that it starts. Raises ``ProviderError``."""


def is_stopped(compute: Document | None) -> bool:
    """Return whether a compute, as ARM answers, is an instance that does not run."""
    properties = compute["properties"] if compute else {}
    inner = properties.get("properties") or {}
    return properties.get("computeType") == "ComputeInstance" and inner.get("state") in _STOPPED


def require_running(compute: Document | None, name: str) -> None:
    """Raise ``UsageError`` for a compute instance that does not run."""
    if is_stopped(compute):
        raise UsageError(
            f"Compute instance {name!r} is stopped, and a stopped one runs nothing.",
            remedy=f"Run `aml compute start {name}`, or submit with `--start`; billing starts.",
        )


def start_if_stopped(client: ArmClient, path: str, compute: Document | None) -> bool:
    """Start a compute instance that does not run, and wait for it; return whether it was."""
    if not is_stopped(compute):
        return False
    client.complete("POST", f"{path}/start", api_version=MACHINE_LEARNING)
    return True


def waited_too_long(job: Document, now: float) -> bool:
    """Return whether a job, as ARM answers, waits for nodes longer than it may."""
    properties = job["properties"]
    limit = (properties.get("properties") or {}).get(QUEUE_TIMEOUT)
    since = (job.get("systemData") or {}).get("createdAt")
    if not limit or not since or properties.get("status") not in _WAITING:
        return False
    created = datetime.fromisoformat(str(since))
    if created.tzinfo is None:
        created = created.replace(tzinfo=UTC)
    return now > created.timestamp() + float(limit) + _GRACE_S
