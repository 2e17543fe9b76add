"""What a browser shows of a project's local cloud and does to it: values, and the protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job that has not ended. ``state`` is Azure ML's word."""

    name: str
    title: str
    state: str
    workspace: str
    compute: str
    nodes: int


@dataclass(frozen=True, slots=True)
class CloudCompute:
    """A compute of a workspace of the cloud, with its nodes by state; ``None``: it has none ever.

    ``evictable``: a node of it can be preempted.
    """

    id: str
    name: str
    workspace: str
    kind: str
    state: str
    nodes: Mapping[str, int] | None
    evictable: bool


@dataclass(frozen=True, slots=True)
class CloudMachine:
    """A virtual machine, or another service that computes attach: where it answers."""

    name: str
    kind: str
    id: str
    state: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class CloudUsage:
    """A quota of a region that is in use, in cores."""

    region: str
    name: str
    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults that are still to be injected; ``slow_s`` by ARM type, empty for every other."""

    throttled: int = 0
    retry_after_s: int = 1
    slow_s: Mapping[str, float] = field(default_factory=dict)
    failures: Sequence[str] = ()

    @property
    def on(self) -> bool:
        return bool(self.throttled or self.slow_s or self.failures)


@dataclass(frozen=True, slots=True)
class CloudFacts:
    """The local cloud as it is now; where it does not run, nothing but the end of its log.

    While it refuses calls, it is not asked what it holds: that would use up what was injected.
    """

    running: bool
    url: str = ""
    pid: int = 0
    version: str = ""
    subscription: str = ""
    inside: bool = False
    resources: Mapping[str, int] = field(default_factory=dict)
    computes: Sequence[CloudCompute] = ()
    jobs: Sequence[QueuedJob] = ()
    machines: Sequence[CloudMachine] = ()
    usages: Sequence[CloudUsage] = ()
    faults: Faults = Faults()
    log: Sequence[str] = ()


class CloudConsole(Protocol):
    """The local cloud of one project. Looking at it does not start it."""

    def facts(self) -> CloudFacts: ...

    def start(self) -> None: ...

    def stop(self) -> None:
        """Stop it; what was deployed to it is kept."""

    def throttle(self, calls: int, retry_after_s: int) -> None:
        """Refuse the next calls with 429."""

    def slow(self, type: str, seconds: float) -> None:
        """Make operations on an ARM type take longer; an empty type is any other."""

    def fail(self, type: str, name: str, times: int) -> None:
        """Let the next operations that write a matching resource fail."""

    def clear_faults(self) -> None: ...

    def evict(self, compute: str) -> Sequence[str]:
        """Preempt the low-priority nodes of a compute, by its id; return their names."""
