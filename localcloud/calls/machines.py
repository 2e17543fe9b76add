"""What the control plane needs from whatever runs the virtual machines.

``localcloud.machines`` implements ``Machines`` with ssh servers; ``NoMachines`` remembers power
states and runs nothing, for in-process tests of the control plane.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from localcloud.store.resources import StoredResource, key_of

Power = Literal["running", "stopped", "deallocated"]
Action = Literal["start", "powerOff", "deallocate", "restart"]
_NONE: Final[Mapping[str, str]] = {}
LEADS_TO: Final[dict[Action, Power]] = {
    "start": "running",
    "powerOff": "stopped",
    "deallocate": "deallocated",
    "restart": "running",
}


@dataclass(frozen=True, slots=True)
class MachineView:
    """The state of one machine. ``host_key`` is a public key as in ``known_hosts``."""

    power: Power
    port: int
    host_key: str


class Machines(Protocol):
    """Runs the virtual machines. Every method may be called from any thread.

    ``machine`` is an ARM id in any casing. A machine keeps its port and host key for life.
    """

    def create(self, machine: StoredResource, *, programs: Mapping[str, str] = _NONE) -> None:
        """Make a machine with its account, and start it; does nothing if it exists.

        ``programs`` are scripts that its logins find on PATH, by name.
        """

    def delete(self, machine: str) -> None:
        """Kill everything in a machine and delete its files."""

    def power(self, machine: str, action: Action) -> None:
        """Start a machine, or kill everything in it; its files are kept."""

    def view(self, machine: str) -> MachineView | None:
        """Return the state of a machine; ``None`` if the resource has no machine behind it."""

    def start(self) -> None:
        """Start what ran when the daemon ended, after killing what an earlier one left."""

    def stop(self, *, forget: bool = False) -> None:
        """Kill everything in all machines; ``forget``: delete the machines as well."""


@dataclass(slots=True)
class NoMachines:
    """Implements ``Machines`` without servers: power states in memory, and no keys."""

    states: dict[str, Power] = field(default_factory=dict)

    def create(self, machine: StoredResource, *, programs: Mapping[str, str] = _NONE) -> None:
        del programs
        self.states.setdefault(machine.key, "running")

    def delete(self, machine: str) -> None:
        self.states.pop(key_of(machine), None)

    def power(self, machine: str, action: Action) -> None:
        self.states[key_of(machine)] = LEADS_TO[action]

    def view(self, machine: str) -> MachineView | None:
        power = self.states.get(key_of(machine))
        return MachineView(power, 22, "") if power else None

    def start(self) -> None: ...

    def stop(self, *, forget: bool = False) -> None:
        if forget:
            self.states.clear()
