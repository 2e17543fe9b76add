"""Finds targets by name: `local`, `docker`, or a compute in a stack's manifest.

The manifest is read only for another name than these two, which no compute can have here: the
targets of this machine come first.
"""

from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Final, Protocol

from infra.contract.errors import NotDeployedError, PlatformError
from infra.contract.json_types import Document
from infra.contract.load import load
from runtime.targets.base import Closeable, Place, Target
from runtime.targets.registry import target_class

LOCAL: Final = "local"
DOCKER: Final = "docker"
ON_THIS_MACHINE: Final = (LOCAL, DOCKER)
"""The targets that need no stack: processes of this machine, and containers of its engine."""
_PROCESSES: Final = ("virtual_machine", "virtual_machines", "hdinsight", "databricks", "batch")
"""Kinds of computes whose runs are processes."""
_ASKED: Final = ("virtual_machine", "virtual_machines")
"""Kinds of computes that are asked before a run is stored."""
_NEVER_DEPLOYED: Final = "infra.contract.undeployed:never_deployed"
_DEPLOYED: Final = "runtime.targets.deployed:DeployedTargets"


class OtherTargets(Closeable, Protocol):
    """Makes the targets of a stack."""

    def make(self, name: str) -> Target:
        """Return a new target."""

    def require(self, name: str) -> None:
        """Raise what ``make`` would raise, without contacting or starting a cloud."""

    def kind(self, name: str) -> str:
        """Return the kind of a compute; raises what ``require`` raises."""

    def most_nodes(self, name: str) -> int | None:
        """Return the most nodes of a compute, ``None`` where that is not known."""

    def vm_size(self, name: str) -> str:
        """Return the VM size of a compute, ``""`` without one."""

    def kinds(self) -> dict[str, str]:
        """Return the kind of every compute that takes runs."""

    def billed(self, name: str) -> Place | None:
        """Return what Azure bills at a compute; ``None`` for those elsewhere."""

    @property
    def is_local_cloud(self) -> bool:
        """Whether they are those of the local cloud."""

    def registered(self, name: str, version: str | None) -> Document | None:
        """Return an environment version of the workspace, ``None`` without one."""

    def on_this_machine(self, name: str) -> bool:
        """Return whether the target is a cluster of the local cloud."""


class Targets:
    """The targets of one stack. ``manifest_file`` is its manifest; ``home`` the ``.aml`` folder."""

    def __init__(self, home: Path, manifest_file: Path, stack: str) -> None:
        self.manifest_file = manifest_file
        self._home = home
        self._stack = stack
        self._made: dict[str, Target] = {}
        self._others: OtherTargets | None = None

    def target(self, name: str) -> Target:
        """Return the target called ``name``; the same object each time.

        Raises ``UnknownNameError``, which suggests the nearest name, ``NotDeployedError`` without a
        manifest, and ``UsageError`` for a kind of compute that runs cannot use.
        """
        if name not in self._made:
            self._made[name] = (
                target_class(name)(self._home, manifest=self.manifest_file, stack=self._stack)
                if name in ON_THIS_MACHINE
                else self._of_the_stack(name).make(name)
            )
        return self._made[name]

    def require(self, name: str) -> None:
        """Raise what ``target`` would raise, without contacting or starting a cloud."""
        if name not in ON_THIS_MACHINE:
            self._of_the_stack(name).require(name)

    def asked_first(self, name: str) -> Target | None:
        """Return a target that is asked before a run is stored; ``None`` for the others.

        Making one of those would open a client, and start the local cloud.
        """
        asked = name in ON_THIS_MACHINE or self.kind(name) in _ASKED
        return self.target(name) if asked else None

    def kind(self, name: str) -> str:
        """Return the kind of a target: its name, or the kind of the compute. Raises as above."""
        return name if name in ON_THIS_MACHINE else self._deployed().kind(name)

    def kinds(self) -> dict[str, str]:
        """Return the kind of every target that takes runs, those of the stack first."""
        deployed = self._deployed().kinds() if self.deployed else {}
        return {**deployed, LOCAL: LOCAL, DOCKER: DOCKER}

    def most_nodes(self, name: str) -> int | None:
        """Return how many nodes a cluster was deployed with, at most; ``None`` for others."""
        return None if name in ON_THIS_MACHINE else self._deployed().most_nodes(name)

    def vm_size(self, name: str) -> str:
        """Return the VM size of a compute, ``""`` where that is not known."""
        return "" if name in ON_THIS_MACHINE else self._deployed().vm_size(name)

    def billed(self, name: str) -> Place | None:
        """Return what Azure bills for runs on a target.

        ``None`` for machines of one's own, and for the local cloud.
        """
        return None if name in ON_THIS_MACHINE else self._deployed().billed(name)

    @property
    def is_local_cloud(self) -> bool:
        """Whether the stack's targets are those of the local cloud. Raises what ``kind`` does."""
        return self._deployed().is_local_cloud

    def runs_processes(self, name: str) -> bool:
        """Return whether a target runs processes whose environments we build, no containers."""
        if name in ON_THIS_MACHINE:
            return name == LOCAL
        with suppress(PlatformError):
            return self._deployed().kind(name) in _PROCESSES
        return False

    def built_here(self, name: str) -> bool:
        """Return whether the target's environments are built on this machine.

        They are for ``local`` and the clusters of the local cloud. Raises what ``require`` raises.
        """
        return name == LOCAL or (name != DOCKER and self._deployed().on_this_machine(name))

    def registered(self, name: str, version: str | None) -> Document | None:
        """Return an environment version of the stack's workspace, as ARM answers.

        ``version`` ``None`` is the latest. ``None`` without one, or if nothing is deployed.
        """
        return self._deployed().registered(name, version) if self.deployed else None

    @property
    def deployed(self) -> bool:
        """Whether the stack has a manifest."""
        return self.manifest_file.is_file()

    def close(self) -> None:
        """Close the connections of all targets."""
        for each in (*self._made.values(), self._others):
            if isinstance(each, Closeable):
                each.close()

    def _of_the_stack(self, name: str) -> OtherTargets:
        """Return the other targets. Raises ``NotDeployedError``, which names those without one."""
        if not self.deployed:
            close = get_close_matches(name.lower(), ON_THIS_MACHINE, n=1)
            meant = f"Did you mean {close[0]!r}? " if close else ""
            undeployed: NotDeployedError = load(_NEVER_DEPLOYED)(
                self.manifest_file, self._stack, meant
            )
            raise undeployed
        return self._deployed()

    def _deployed(self) -> OtherTargets:
        if self._others is None:
            self._others = load(_DEPLOYED)(self._home, self.manifest_file, self._stack)
        return self._others
