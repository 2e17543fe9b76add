"""Drives a sweep to its end: samples children, starts them, stops the bad ones, finds the best.

It knows neither targets nor the history: children are started through ``Children``, and what
happens is written to a ``Parent``. Its journal decides what was done. A child is written there
before it is started, so a driver that is killed is followed by one that loses none and starts none
twice. Nothing is kept between two drivers but the journal.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal, Protocol

from infra.contract.json_types import JsonObject
from runtime.model.runs import EventKind
from runtime.model.states import RunState
from runtime.sweeps.observed import LOG, child_tags, last_properties, twice
from runtime.sweeps.policies import Progress, stop
from runtime.sweeps.samplers import best_of, sampler_of
from runtime.sweeps.space import Assignment
from runtime.sweeps.sweep import Policy, Sweep

_CHILD: Final = "child"
_BEGUN: Final = "begun"
_ALL_GENERATED: Final = twice({"all_jobs_generated": "true"})
_TAGS_EVERY_S: Final = 2.0
_USER_ERRORS: Final = "User errors were found in at least one of the child runs."
_UNMEASURED: Final = (
    "do not contain any metrics with the primary metric name at this moment, policy cannot be"
    " applied."
)
_ENDING: Final = "Experiment was 'ExperimentStatus.RUNNING', is 'ExperimentStatus.{}'."
_PREPARING: Final = "The execution environment is being prepared."
_UNPREPARED: Final = "The environment of its runs could not be prepared (run {run}): {why}"
Part = Literal["API", "GENERATOR", "SCHEDULER", "ENFORCER", "CONTROLLER"]


@dataclass(frozen=True, slots=True)
class Child:
    """One child: its id, its number from 0, and its values in the order of its arguments."""

    id: str
    number: int
    assignment: Assignment


@dataclass(frozen=True, slots=True)
class Look:
    """A child as it is: its state, and the values of the primary metric in the order logged."""

    state: RunState
    values: Sequence[float] = ()


class Children(Protocol):
    """Starts and watches the children of one sweep."""

    def start(self, child: Child) -> None:
        """Start a child; one that was started is left alone. A child that cannot start fails."""

    def look(self, children: Iterable[str]) -> Mapping[str, Look]:
        """Return how each child is now. All of them were started."""

    def cancel(self, child: str, why: str) -> None:
        """Ask a child to stop, and keep the reason with it. Asking twice does nothing."""


class Preparation(Protocol):
    """The run that has what all children need, such as their environment, before the first."""

    run_id: str

    def start(self) -> None:
        """Start it; one that was started is left alone. One that cannot start has failed."""

    def look(self) -> tuple[RunState, str]:
        """Return how it is now, and why it failed."""

    def cancel(self, why: str) -> None:
        """Ask it to stop. Asking twice does nothing."""


class Parent(Protocol):
    """Where a driver writes. ``canceled`` tells whether someone asked the sweep to stop."""

    run_id: str

    def journal(self) -> Iterable[tuple[str, JsonObject]]:
        """Yield what earlier drivers recorded, in order."""

    def record(self, kind: str, data: JsonObject) -> None:
        """Append an entry to the journal."""

    def event(self, kind: EventKind, data: JsonObject) -> None:
        """Append an event of the parent run."""

    def state(self, state: RunState, error: str | None = None) -> None:
        """Move the parent to a state."""

    def log(self, name: str, line: str) -> None:
        """Append a line to a log of the parent."""

    def is_canceled(self) -> bool:
        """Return whether someone asked the sweep to stop."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait between two looks at the children, in seconds."""

    first_s: float = 0.02
    growth: float = 1.3
    longest_s: float = 1.0


@dataclass(slots=True)
class _Known:
    """What the driver knows of a child. ``judged``: after how many of its values it was last.

    0 for a child of an earlier driver, until it has been looked at.
    """

    child: Child
    look: Look = field(default_factory=lambda: Look(RunState.NOT_STARTED))
    judged: int = 1
    stopping: bool = False
    progress: Progress = field(default_factory=Progress)

    def seen(self, look: Look, policy: Policy | None) -> None:
        """Take how the child is now."""
        self.look = look
        self.progress.values, self.progress.runs = look.values, self.runs
        if not self.judged:
            # An earlier driver judged it at the points before, against those that were there then.
            points = range(len(look.values), 0, -1)
            applies = policy.applies_at if policy is not None else bool
            self.judged = next(filter(applies, points), 1)

    @property
    def runs(self) -> bool:
        return not self.look.state.final


class SweepDriver:
    """Drives one sweep, whose seed is set. ``earlier`` are children of the sweeps it resumes."""

    def __init__(
        self,
        sweep: Sweep,
        parent: Parent,
        children: Children,
        *,
        preparation: Preparation | None = None,
        earlier: Sequence[tuple[str, Assignment, Sequence[float]]] = (),
        pace: Pace | None = None,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sweep = sweep
        self._parent = parent
        self._children = children
        self._preparation = preparation
        self._earlier = earlier
        self._pace = pace or Pace()
        self._now = now
        self._sleep = sleep
        self._sampler = sampler_of(sweep)
        self._known: dict[str, _Known] = {}
        self._live: dict[str, _Known] = {}
        self._tags: dict[str, str] = {}
        self._tagged_at = 0.0
        self._over = ""
        self._failure = ""

    def drive(self) -> None:
        """Drive the sweep until its last child has ended, and end the parent."""
        begun = self._restored()
        self._parent.state(RunState.RUNNING)
        deadline = begun + self._sweep.max_duration_s
        wait_s = self._pace.first_s
        while True:
            happened = self._looked()
            if not self._over:
                self._over = self._reason(deadline)
                if self._over:
                    self._cancel_all(self._over)
            happened |= self._refilled(deadline)
            self._tell_tags(at_once=not self._live)
            if not self._live and (self._over or self._exhausted()):
                break
            wait_s = self._pace.first_s if happened else self._longer(wait_s)
            self._sleep(wait_s)
        self._end()

    # --- what earlier drivers did

    def _restored(self) -> float:
        """Read the journal; return when the sweep began."""
        begun: float | None = None
        for kind, data in self._parent.journal():
            if kind == _BEGUN:
                begun = float(data["time"])
            elif kind == _CHILD:
                child = Child(data["id"], data["number"], data["values"])
                self._known[child.id] = _Known(child, judged=0)
        for _, assignment, values in self._earlier:
            self._sampler.tell(assignment, self._best(values))
        self._live = dict(self._known)
        if begun is not None:
            self._log("CONTROLLER", f"The driver continues with {len(self._known)} jobs.")
            # The last one may have been killed between the entry and the start.
            for known in self._known.values():
                self._children.start(known.child)
                self._tags |= child_tags(known.child.id, known.child.assignment)
            if self._exhausted():
                self._tags |= _ALL_GENERATED
            return begun
        now = self._now()
        self._parent.record(_BEGUN, {"time": now})
        self._log("API", "Experiment created")
        return now

    # --- one round

    def _looked(self) -> bool:
        """Look at the children that run; learn from those that ended, and judge the others."""
        if not self._live:
            return False
        ended, has_news = [], False
        for child_id, look in self._children.look(list(self._live)).items():
            known = self._live[child_id]
            if look.state.final:
                ended.append(known)
            has_news |= len(look.values) > len(known.look.values)
            known.seen(look, self._sweep.policy)
        for known in sorted(ended, key=lambda each: each.child.number):
            del self._live[known.child.id]
            if self._sweep.policy is not None and not known.look.values:
                self._log("ENFORCER", f"Jobs [{known.child.id}] {_UNMEASURED}")
            self._sampler.tell(known.child.assignment, self._best(known.look.values))
        if has_news and self._sweep.policy is not None:
            # What one has logged may be what another one is stopped by, which was there before it.
            everyone = {each.child.id: each.progress for each in self._all()}
            for known in list(self._live.values()):
                self._judge(known, self._sweep.policy, everyone)
        return bool(ended) or has_news

    def _judge(self, known: _Known, policy: Policy, everyone: Mapping[str, Progress]) -> None:
        if known.stopping:
            return
        for count in range(known.judged, len(known.look.values) + 1):
            if not policy.applies_at(count):
                continue
            known.judged = count
            why = stop(policy, self._sweep.goal, known.child.id, count, everyone)
            if why:
                self._stop(known, why)
                return

    def _stop(self, known: _Known, why: str) -> None:
        known.stopping = True
        self._log("ENFORCER", f"Job {known.child.id} is stopped by {why}")
        self._children.cancel(known.child.id, why)

    def _reason(self, deadline: float) -> str:
        """Return why no more children are started, ``""`` while they are."""
        if self._parent.is_canceled():
            return "The sweep was canceled."
        if self._now() > deadline:
            minutes = self._sweep.max_duration_s / 60
            return f"The sweep reached max_duration_minutes ({minutes:g})."
        return ""

    def _cancel_all(self, why: str) -> None:
        if self._parent.is_canceled():
            self._tags |= twice({"cancellation_requested": "true"})
        self._log("CONTROLLER", why)
        for known in self._live.values():
            known.stopping = True
            self._children.cancel(known.child.id, why)

    def _refilled(self, deadline: float) -> bool:
        """Start as many children as there is room for; return whether any was."""
        if self._over or self._exhausted():
            return False
        room = self._sweep.max_concurrent - len(self._live)
        count = min(room, self._sweep.total - len(self._known))
        if count <= 0:
            return False
        text = f"Trying to sample '{count}' jobs from the hyperparameter space"
        self._log("GENERATOR", text)
        sampled = [self._sampled(len(self._known) + place) for place in range(count)]
        text = f"Successfully sampled '{count}' jobs, they will soon be submitted to the execution"
        self._log("GENERATOR", f"{text} target.")
        if not self._known and not self._prepared(deadline):
            return False
        for child in sampled:
            self._begin(child)
        if self._exhausted():
            most = f"Max number of jobs '{self._sweep.total}' reached for experiment."
            self._log("GENERATOR", most)
            self._log("GENERATOR", "All jobs generated.")
            self._tags |= _ALL_GENERATED
        return True

    def _prepared(self, deadline: float) -> bool:
        """Have what all children need; return whether they can be started.

        A driver that is killed meanwhile is followed by one that finds no children, and looks at
        the same run.
        """
        preparation = self._preparation
        if preparation is None:
            return True
        self._log("SCHEDULER", _PREPARING)
        data = {"run": preparation.run_id, "name": "", "parent": self._parent.run_id}
        self._parent.event("child", data)
        preparation.start()
        wait_s = self._pace.first_s
        while not (found := preparation.look())[0].final:
            if not self._over and (why := self._reason(deadline)):
                self._over = why
                self._cancel_all(why)
                preparation.cancel(why)
            self._sleep(wait_s)
            wait_s = self._longer(wait_s)
        state, why = found
        if state is not RunState.COMPLETED and not self._over:
            self._over = self._failure = _UNPREPARED.format(
                run=preparation.run_id, why=why or f"it is {state}"
            )
            self._log("CONTROLLER", self._failure)
        return not self._over

    def _sampled(self, number: int) -> Child:
        first = self._sweep.first
        # A grid begins with its first combination, whatever came before it.
        values = first[number] if number < len(first) else self._sampler.ask(number - len(first))
        return Child(f"{self._parent.run_id}_{number}", number, values)

    def _begin(self, child: Child) -> None:
        now = self._now()
        # Before the journal: an event that is repeated has no effect, one that is missing has.
        self._parent.event("child", {"run": child.id, "name": "", "parent": self._parent.run_id})
        entry = {"id": child.id, "number": child.number, "values": child.assignment, "time": now}
        self._parent.record(_CHILD, entry)
        known = self._known[child.id] = self._live[child.id] = _Known(child)
        self._log("SCHEDULER", f"Scheduling job, id='{child.id}'")
        self._tags |= child_tags(child.id, child.assignment)
        self._children.start(known.child)

    # --- the end

    def _end(self) -> None:
        for key, value in last_properties(self._sweep, self._best_child()):
            self._parent.event("property", {"key": key, "value": value})
        failed = any(each.look.state is RunState.FAILED for each in self._all())
        canceled = self._parent.is_canceled()
        if self._failure and not canceled:
            self._log("CONTROLLER", _ENDING.format("FAILED"))
            self._parent.state(RunState.FAILED, self._failure)
            return
        ending = "CANCELED" if canceled else "FINISHED"
        self._log("CONTROLLER", _ENDING.format(ending))
        state = RunState.CANCELED if canceled else RunState.COMPLETED
        self._parent.state(state, _USER_ERRORS if failed and not canceled else None)

    def _best_child(self) -> tuple[str, float] | None:
        """Return the child with the best value ever logged; of equal ones, the first."""
        logged = [
            *((child_id, values) for child_id, _, values in self._earlier),
            *((each.child.id, each.look.values) for each in self._all()),
        ]
        known = [(child_id, best) for child_id, values in logged
                 if (best := self._best(values)) is not None]  # fmt: skip
        if not known:
            return None
        sign = 1 if self._sweep.goal == "maximize" else -1
        return max(known, key=lambda each: sign * each[1])

    def _best(self, values: Sequence[float]) -> float | None:
        return best_of(values, self._sweep.goal)

    def _all(self) -> Iterable[_Known]:
        return self._known.values()

    def _exhausted(self) -> bool:
        return len(self._known) >= self._sweep.total

    def _longer(self, wait_s: float) -> float:
        return min(wait_s * self._pace.growth, self._pace.longest_s)

    # --- what is written

    def _tell_tags(self, *, at_once: bool) -> None:
        """Write the tags that are due: together, as each one is folded into the whole record."""
        now = self._now()
        if not self._tags or not (at_once or now - self._tagged_at > _TAGS_EVERY_S):
            return
        for key, value in self._tags.items():
            self._parent.event("tag", {"key": key, "value": value})
        self._tags, self._tagged_at = {}, now

    def _log(self, part: Part, text: str) -> None:
        at = datetime.fromtimestamp(self._now(), UTC).replace(tzinfo=None)
        self._parent.log(LOG, f"[{at.isoformat(timespec='microseconds')}][{part}][INFO]{text}")
