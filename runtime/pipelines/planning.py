"""What a pipeline does next, from what its steps have come to. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from graphlib import TopologicalSorter

from runtime.model.pipelines import Pipeline


class StepState(StrEnum):
    """What a step has come to."""

    WAITING = "Waiting"
    RUNNING = "Running"
    COMPLETED = "Completed"
    REUSED = "Reused"
    FAILED = "Failed"
    CANCELED = "Canceled"
    SKIPPED = "Skipped"  # a step that it depends on did not complete

    @property
    def done(self) -> bool:
        """Whether the step has outputs that others can read."""
        return self in {StepState.COMPLETED, StepState.REUSED}

    @property
    def ended(self) -> bool:
        return self not in {StepState.WAITING, StepState.RUNNING}


@dataclass(slots=True)
class Plan:
    """The steps of a pipeline as they come to their ends; each question is answered in O(1).

    ``upstream`` has every step, in the order in which they start, with those it waits for.
    ``states`` begins with what is known of an interrupted execution.
    """

    upstream: Mapping[str, Sequence[str]]
    continue_on_failure: bool = False
    states: dict[str, StepState] = field(default_factory=dict)
    stopping: bool = False
    _missing: dict[str, int] = field(default_factory=dict)
    _below: dict[str, list[str]] = field(default_factory=dict)
    _ready: list[str] = field(default_factory=list)
    _open: int = 0

    def __post_init__(self) -> None:
        known = dict(self.states)
        self.states = dict.fromkeys(self.upstream, StepState.WAITING)
        self._open = len(self.upstream)
        for name, upstream in self.upstream.items():
            self._missing[name] = len(upstream)
            for each in upstream:
                self._below.setdefault(each, []).append(name)
        self._ready = [name for name in self.upstream if not self._missing[name]]
        for name in self.upstream:
            if name in known and known[name] is not StepState.WAITING:
                self.became(name, known[name])

    @property
    def over(self) -> bool:
        """Whether every step has ended."""
        return not self._open

    @property
    def running(self) -> list[str]:
        """Return the steps that run, in their order."""
        return [name for name, state in self.states.items() if state is StepState.RUNNING]

    def ready(self) -> list[str]:
        """Return the steps that can start now, in their order, each only once."""
        if self.stopping:
            return []
        found = [name for name in self._ready if self.states[name] is StepState.WAITING]
        self._ready = []
        return found

    def later(self, names: Sequence[str]) -> None:
        """Give back steps that were ready and that there was no room for."""
        self._ready = [*names, *self._ready]

    def became(self, name: str, state: StepState) -> list[str]:
        """Note what a step has come to; return the steps that are skipped because of it."""
        if self.states[name].ended:
            return []
        self.states[name] = state
        if not state.ended:
            return []
        self._open -= 1
        if state.done:
            for each in self._below.get(name, ()):
                self._missing[each] -= 1
                if not self._missing[each]:
                    self._ready.append(each)
            return []
        skipped = list(self._skip(name))
        if state is not StepState.SKIPPED and not self.continue_on_failure:
            self.stopping = True
            skipped += self.stop()
        return skipped

    def stop(self) -> list[str]:
        """Start nothing more; return the steps that never start."""
        self.stopping = True
        waiting = [name for name, state in self.states.items() if state is StepState.WAITING]
        for name in waiting:
            self.states[name] = StepState.SKIPPED
            self._open -= 1
        return waiting

    def _skip(self, name: str) -> Iterator[str]:
        """Skip what depends on a step, directly or not."""
        waiting = [name]
        while waiting:
            for each in self._below.get(waiting.pop(), ()):
                if self.states[each] is StepState.WAITING:
                    self.states[each] = StepState.SKIPPED
                    self._open -= 1
                    waiting.append(each)
                    yield each


def plan_of(
    pipeline: Pipeline, order: Sequence[str], states: Mapping[str, StepState] | None = None
) -> Plan:
    """Return the plan of a pipeline whose steps start in ``order``."""
    upstream = {each.name: each.upstream for each in pipeline.steps}
    return Plan(
        {name: upstream[name] for name in order}, pipeline.continue_on_failure, dict(states or {})
    )


def sorted_names(upstream: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the names of steps, each after those it waits for; the order is always the same.

    Raises ``graphlib.CycleError`` for steps that wait for each other.
    """
    position = {name: number for number, name in enumerate(upstream)}
    sorter = TopologicalSorter(upstream)
    sorter.prepare()
    found: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=position.__getitem__)
        found += ready
        sorter.done(*ready)
    return found


def failed(states: Mapping[str, StepState]) -> list[str]:
    """Return the steps that failed."""
    return [name for name, state in states.items() if state is StepState.FAILED]
