"""``ComputeTarget``, as in azureml-core: one compute of a workspace, whatever its kind.

What a script creates, attaches, updates or deletes is written to the stack file and deployed, so
that it is declared from then on.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final, NoReturn, Protocol, Self

from infra.catalogue.api_versions import MACHINE_LEARNING
from infra.contract.errors import PlatformError
from infra.contract.json_types import Document, JsonObject
from infra.contract.manifest import Manifest, TargetEntry, read_manifest
from infra.contract.stack_computes import StackComputes, stack_computes
from runtime.api.computes.configurations import ComputeConfiguration
from runtime.api.computes.status import ComputeStatus
from runtime.api.exceptions import ComputeTargetException, UserErrorException
from runtime.api.workspaces.attributes import missing_attribute
from runtime.api.workspaces.clients import Clients
from runtime.submit.session import ProjectSession

RESERVED: Final = ("amlcompute", "local", "containerinstance")
_POLL_S: Final = 2.0


class Deployed(Protocol):
    """A deployed workspace, like ``Workspace``."""

    @property
    def subscription_id(self) -> str: ...

    @property
    def session(self) -> ProjectSession: ...

    @property
    def clients(self) -> Clients: ...


class ComputeTarget:
    """One compute of a workspace; the class is that of its kind (``AmlCompute``, …).

    Raises ``ComputeTargetException`` for a name that was not deployed, and suggests the nearest.
    ``type`` is Azure's word: ``AmlCompute``, ``ComputeInstance``, ``VirtualMachine``, …
    """

    kind: ClassVar[str] = ""
    """The stack file's word for it; empty for this class, which stands for every kind."""
    _compute_type: ClassVar[str] = ""
    _kinds: ClassVar[dict[str, type["ComputeTarget"]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        ComputeTarget._kinds[cls.kind] = cls

    def __new__(cls, workspace: Deployed, name: str) -> Self:
        entry = _entry(workspace, name)
        if cls.kind and entry.kind != cls.kind:
            raise ComputeTargetException(
                f"{name!r} is of kind {entry.kind}, not {cls.kind}.",
                remedy="Use `ComputeTarget(workspace, name)` for a compute of any kind.",
            )
        made: Any = object.__new__(ComputeTarget._kinds.get(entry.kind, cls))
        return made  # type: ignore[no-any-return] # its kind is known only now

    def __init__(self, workspace: Deployed, name: str) -> None:
        entry = _entry(workspace, name)
        self.workspace = workspace
        self.name = name
        self.id = entry.id
        self.type = self._compute_type or entry.kind
        self.vm_size = entry.vm_size
        self.min_nodes = entry.min_nodes
        self.max_nodes = entry.max_nodes
        self._found: Document | None = None

    @classmethod
    def create(
        cls, workspace: Deployed, name: str, provisioning_configuration: ComputeConfiguration
    ) -> "ComputeTarget":
        """Declare a compute in the stack file and deploy it; return when that is done.

        One that exists gets the new node limits; other changes of it are refused.
        """
        return _declared(workspace, name, provisioning_configuration)

    @classmethod
    def attach(
        cls, workspace: Deployed, name: str, attach_configuration: ComputeConfiguration
    ) -> "ComputeTarget":
        """Declare an attachment in the stack file and deploy it; return when that is done.

        Raises ``ComputeTargetException`` if the workspace has a compute of that name.
        """
        if name in _manifest(workspace).targets:
            raise ComputeTargetException(
                f"The workspace already has a compute {name!r}.",
                remedy="Use `ComputeTarget(workspace, name)`, or detach it first.",
            )
        return _declared(workspace, name, attach_configuration)

    @staticmethod
    def list(workspace: Deployed) -> "list[ComputeTarget]":
        """Return every compute that the stack deployed."""
        return [ComputeTarget(workspace, name) for name in _manifest(workspace).targets]

    @staticmethod
    def get(workspace: Deployed, name: str) -> "ComputeTarget":
        """Return a compute of any kind."""
        return ComputeTarget(workspace, name)

    def delete(self) -> None:
        """Remove the compute from the stack file and the workspace; it is deleted."""
        self._remove()

    def detach(self) -> None:
        """Remove the attachment from the stack file and the workspace; the resource is left."""
        self._remove()

    def _remove(self) -> None:
        with compute_errors():
            file = self._computes.remove(self.name)
        _tell(f"Removed compute {self.name!r} from {file.name} and the workspace.")

    def wait_for_completion(
        self,
        show_output: bool = False,
        min_node_count: int | None = None,
        timeout_in_minutes: int | None = None,
        is_delete_operation: bool = False,
    ) -> None:
        """Wait until the compute is provisioned, and for a cluster's nodes if asked.

        A compute is provisioned when ``create`` or ``attach`` returns, so that only nodes are
        waited for. Raises ``ComputeTargetException`` after ``timeout_in_minutes``.
        """
        if is_delete_operation:
            return
        say(f"{self.provisioning_state}\n", show=show_output)
        if min_node_count:
            self._wait(lambda: self._nodes() >= min_node_count, timeout_in_minutes)
        say(f"{self.type} wait for completion finished\n", show=show_output)

    def get_status(self) -> ComputeStatus | str | None:
        """Return what the service says of the compute: for an attachment, how attaching went."""
        self.refresh_state()
        return self.provisioning_state

    @property
    def status(self) -> ComputeStatus | str | None:
        """What ``get_status`` returns."""
        return self.get_status()

    def refresh_state(self) -> None:
        """Ask the service again."""
        self._found = None

    def serialize(self) -> JsonObject:
        """Return the compute as the service describes it. Credentials are not in it."""
        return dict(self._document)

    @property
    def provisioning_state(self) -> str:
        return str(self._properties.get("provisioningState"))

    @property
    def provisioning_errors(self) -> Any:
        return self._properties.get("provisioningErrors")

    @property
    def cluster_resource_id(self) -> str | None:
        """The id of the attached resource."""
        found = self._properties.get("resourceId")
        return None if found is None else str(found)

    @property
    def cluster_location(self) -> str | None:
        return self._text("computeLocation", self._properties)

    @property
    def location(self) -> str | None:
        return self._text("location", self._document)

    @property
    def description(self) -> str | None:
        return self._text("description", self._properties)

    @property
    def tags(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self._document.get("tags") or {}
        return found

    @property
    def created_on(self) -> str | None:
        return self._text("createdOn", self._properties)

    @property
    def modified_on(self) -> str | None:
        return self._text("modifiedOn", self._properties)

    @property
    def _computes(self) -> StackComputes:
        return stack_computes(self.workspace.session.stack)

    @property
    def _document(self) -> Document:
        if self._found is None:
            self._found = self._asked("GET")
        return self._found

    def _asked(self, method: str, action: str = "") -> Document:
        """Ask the workspace about the compute, or for an action; needs no stack file."""
        with compute_errors():
            return (
                self.workspace.clients.arm()
                .complete(method, f"{self.id}{action}", api_version=MACHINE_LEARNING)
                .document
            )

    @property
    def _properties(self) -> Document:
        found: Document = self._document.get("properties") or {}
        return found

    @property
    def _inner(self) -> Document:
        found: Document = self._properties.get("properties") or {}
        return found

    @staticmethod
    def _text(key: str, document: Document) -> str | None:
        found = document.get(key)
        return None if found is None else str(found)

    def _nodes(self) -> int:
        self.refresh_state()
        return int(self._inner.get("currentNodeCount") or 0)

    def _wait(self, done: Callable[[], bool], minutes: int | None) -> None:
        deadline = None if minutes is None else time.monotonic() + 60 * minutes
        while not done():
            if deadline is not None and time.monotonic() > deadline:
                raise ComputeTargetException(
                    f"{self.name} was not ready within {minutes} minutes.",
                    remedy="Look at it with `get_status()`, or wait longer.",
                )
            time.sleep(_POLL_S)

    def __getattr__(self, name: str) -> NoReturn:
        raise missing_attribute(self, name, NOT_OFFERED)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, type={self.type!r})"


# Attribute → what to do instead.
NOT_OFFERED = {
    "deserialize": "use `ComputeTarget(workspace, name)`",
    "get_active_runs": "run `aml runs --target NAME --status Running`",
    "get_credentials": "read the stack file, which has them encrypted: `aml config get KEY"
    " --show-secrets`",
    "list_quotas": "run `aml check --online`, which compares the stack with the quotas",
    "list_usages": "run `aml check --online`, which compares the stack with the quotas",
    "update_quotas": "ask for quota in Azure's portal",
    "update_sso_settings": "change `sso` of the instance in the stack file and run `aml up`",
}


@contextmanager
def compute_errors() -> Iterator[None]:
    """Turn every error of ours into ``ComputeTargetException``, which scripts catch."""
    try:
        yield
    except ComputeTargetException:
        raise
    except PlatformError as error:
        raise ComputeTargetException(error.detail, remedy=error.remedy, at=error.at) from error


def _declared(workspace: Deployed, name: str, configuration: ComputeConfiguration) -> ComputeTarget:
    if name.lower() in RESERVED:
        raise UserErrorException(
            f"{name!r} is a reserved name.", remedy=f"Avoid {', '.join(RESERVED)}."
        )
    computes = stack_computes(workspace.session.stack)
    entry = configuration.entry(workspace)
    with compute_errors():
        if name in _manifest(workspace).targets:
            _changed(computes, name, configuration.kind, entry)
        else:
            file = computes.add(configuration.kind, name, entry, configuration.secrets)
            _tell(f"Added compute {name!r} to {file.name} and deployed it.")
        return ComputeTarget(workspace, name)


_CHANGEABLE: Final = frozenset({"min_nodes", "max_nodes", "idle_seconds", "tags"})


def _changed(computes: StackComputes, name: str, kind: str, entry: Document) -> None:
    """Give an existing compute the settings that change in place; refuse others."""
    declared = computes.declared(name)
    differing = {key for key, value in entry.items() if not _same(declared.get(key), value)}
    if declared["kind"] != kind:
        differing.add("kind")
    fixed = sorted(differing - _CHANGEABLE)
    if fixed:
        raise ComputeTargetException(
            f"The workspace already has a compute {name!r}, with another {', '.join(fixed)}.",
            remedy="Use `ComputeTarget(workspace, name)`, or delete it first.",
        )
    if differing:
        computes.change(name, {key: entry[key] for key in differing})


def _same(one: object, other: object) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    return one == other


def _manifest(workspace: Deployed) -> Manifest:
    """Return the manifest as it is now: a script may just have deployed a compute."""
    session = workspace.session
    return read_manifest(session.targets.manifest_file, stack=session.stack)


def _entry(workspace: Deployed, name: str) -> TargetEntry:
    with compute_errors():
        return _manifest(workspace).target(name)


def _tell(text: str) -> None:
    """Say on standard error what was changed in a file of the user's."""
    sys.stderr.write(f"{text}\n")


def say(text: str, *, show: bool) -> None:
    """Print progress that a script asked for with ``show_output``."""
    if show:
        sys.stdout.write(text)
        sys.stdout.flush()
