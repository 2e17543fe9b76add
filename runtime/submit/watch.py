"""Follows runs: one watcher polls all of them, at intervals that grow while nothing happens.

Events are appended to the history before they are yielded, so a watcher that is killed loses
nothing and the next one continues from there. Nothing is printed here.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.contract.errors import UnreachableError
from runtime.history.store import History
from runtime.model.runs import RunEvent, RunRecord
from runtime.model.states import NEXT, RunState
from runtime.submit.launching import is_launching
from runtime.submit.notes import note
from runtime.targets.base import Handle, LogChunk, RunStatus, Target

_NODE_STEP: Final = "scale up"
_LAST_STEP: Final = "scale down"
BUILD_LOGS: Final = "azureml-logs/"
"""The beginning of the names of logs that do not begin anew with each attempt."""
_BEGUN: Final = frozenset({RunState.RUNNING})
_OVER: Final = frozenset(state for state in RunState if state.final) | {RunState.FINALIZING}


@dataclass(frozen=True, slots=True)
class Pace:
    """Polling intervals in seconds. ``patience_s``: how long a target may fail to answer.

    ``linger_s``: how long to keep watching a run that ends, until its nodes are released. A run
    that had ended before, or that was told of no node, is not waited for.
    """

    first_s: float = 0.1
    growth: float = 1.1
    longest_s: float = 5.0
    patience_s: float = 60.0
    linger_s: float = 0.0

    def after(self, interval_s: float) -> float:
        """Return the interval that follows one in which nothing happened."""
        return min(interval_s * self.growth, self.longest_s)


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of a run."""

    run_id: str
    event: RunEvent


@dataclass(frozen=True, slots=True)
class Logged:
    """New text of one of a run's logs."""

    run_id: str
    chunk: LogChunk


@dataclass(frozen=True, slots=True)
class Ended:
    """A run reached its final state."""

    record: RunRecord


Seen = Happened | Logged | Ended


@dataclass(slots=True)
class _Followed:
    """The watcher's state of one run. ``last_step``: nothing is to be expected after its end."""

    handle: Handle
    target: Target
    cursor: str
    is_launched: bool
    offsets: dict[str, int] = field(default_factory=dict)
    ended_at: float | None = None
    last_step: bool = False


class Watcher:
    """Follows runs of one history. ``sleep`` and ``clock`` are in seconds, ``now`` is the time."""

    def __init__(
        self,
        history: History,
        *,
        pace: Pace | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._history = history
        self._pace = pace or Pace()
        self._sleep = sleep
        self._clock = clock
        self._now = now

    def watch(self, runs: Mapping[str, Target], *, replay: bool = False) -> Iterator[Seen]:
        """Yield what happens to ``runs`` (by id) until each of them has ended.

        ``replay`` starts with the events in the history. Logs are read from the start. Closing the
        generator does not affect the runs.
        """
        followed = {run_id: self._begin(run_id, target) for run_id, target in runs.items()}
        if replay:
            for run_id in followed:
                yield from (Happened(run_id, event) for _, event in self._history.events(run_id))
        interval_s, silent_since = self._pace.first_s, None
        while followed:
            try:
                seen = self._round(followed)
                silent_since = None
            except UnreachableError:
                # Training outlasts a restart of the cloud or a closed laptop: wait and ask again.
                silent_since = self._clock() if silent_since is None else silent_since
                if self._clock() - silent_since > self._pace.patience_s:
                    raise
                seen = []
            yield from seen
            for run_id in [key for key, run in followed.items() if self._over(run)]:
                del followed[run_id]
            interval_s = self._pace.first_s if seen else self._pace.after(interval_s)
            if followed:
                self._sleep(interval_s)

    def refresh(self, runs: Mapping[str, Target]) -> None:
        """Poll ``runs`` once and record what happened, without logs."""
        followed = {run_id: self._begin(run_id, target) for run_id, target in runs.items()}
        for run_id, status in self._statuses(followed).items():
            self._recorded(run_id, followed[run_id], status)

    def _begin(self, run_id: str, target: Target) -> _Followed:
        record = self._history.record(run_id)
        handle = Handle(target.name, record.handle or run_id)
        cursor = self._history.cursor(run_id)
        is_launched = record.handle is not None
        return _Followed(handle, target, cursor, is_launched, last_step=record.state.final)

    def _round(self, followed: Mapping[str, _Followed]) -> list[Seen]:
        """Poll every run once. Its new log text comes before its end."""
        seen: list[Seen] = []
        for run_id, status in self._statuses(followed).items():
            run = followed[run_id]
            events = self._recorded(run_id, run, status)
            # Logs are complete when the end is seen; a run that lingers is polled for events only.
            chunks = self._logged(run_id, run) if run.ended_at is None else []
            seen += in_order([Happened(run_id, event) for event in events], chunks)
            if status.state.final and run.ended_at is None:
                run.ended_at = self._clock()
                if self._pace.linger_s and not run.last_step:
                    run.last_step = not self._had_nodes(run_id)
                seen.append(Ended(self._history.record(run_id)))
        return seen

    def _statuses(self, followed: Mapping[str, _Followed]) -> dict[str, RunStatus]:
        """Poll each target once, for all of its runs."""
        statuses: dict[str, RunStatus] = {}
        for target in {id(run.target): run.target for run in followed.values()}.values():
            mine = {
                key: run
                for key, run in followed.items()
                if run.target is target and self._is_launched(key, run)
            }
            if not mine:
                continue
            answers = target.poll({run.handle: run.cursor for run in mine.values()})
            statuses |= {key: answers[run.handle] for key, run in mine.items()}
        return statuses

    def _is_launched(self, run_id: str, run: _Followed) -> bool:
        """Return whether the target knows a run by now. It would call others lost."""
        if not run.is_launched:
            if is_launching(self._history.file.parent, run_id):
                return False
            run.is_launched = True
            run.handle = Handle(run.target.name, self._history.record(run_id).handle or run_id)
        return True

    def _recorded(self, run_id: str, run: _Followed, status: RunStatus) -> Sequence[RunEvent]:
        """Record a status. A state that no event reported becomes an event of this side."""
        # The cursor is stored with the events it covers, so a crash in between repeats nothing.
        if status.events or status.cursor != run.cursor:
            self._history.append(run_id, status.events, cursor=status.cursor)
        run.cursor = status.cursor
        run.last_step |= any(event.data.get("step") == _LAST_STEP for event in status.events)
        if any(event.kind == "state" and event.data.get("attempt") for event in status.events):
            # Another attempt writes its logs anew; that of its environment is already being read.
            run.offsets = {k: v for k, v in run.offsets.items() if k.startswith(BUILD_LOGS)}
        record = self._history.record(run_id)
        if status.state in NEXT[record.state]:
            data = state_data(status)
            event = note(self._history, run_id, "state", data, time_s=self._now())
            return [*status.events, event]
        return status.events

    def _logged(self, run_id: str, run: _Followed) -> list[Logged]:
        chunks = list(run.target.logs(run.handle, run.offsets))
        run.offsets |= {chunk.name: chunk.offset for chunk in chunks}
        return [Logged(run_id, chunk) for chunk in chunks]

    def _had_nodes(self, run_id: str) -> bool:
        steps = (event.data.get("step") for _, event in self._history.events(run_id))
        return _NODE_STEP in steps

    def _over(self, run: _Followed) -> bool:
        if run.ended_at is None:
            return False
        return run.last_step or self._clock() - run.ended_at >= self._pace.linger_s


def in_order(events: Sequence[Happened], logged: Sequence[Logged]) -> list[Seen]:
    """Merge the new log text of a poll with its events; log lines have no time of their own.

    A build's text comes before the script runs, the script's text before the run ends.
    """
    builds = [item for item in logged if item.chunk.name.startswith(BUILD_LOGS)]
    others = [item for item in logged if item not in builds]
    begun = next((n for n, item in enumerate(events) if _state_of(item) in _BEGUN), len(events))
    over = next((n for n, item in enumerate(events) if _state_of(item) in _OVER), len(events))
    begun = min(begun, over)
    return [*events[:begun], *builds, *events[begun:over], *others, *events[over:]]


def _state_of(item: Happened) -> object:
    data = item.event.data
    return data.get("state") if item.event.kind == "state" and not data.get("run") else None


def state_data(status: RunStatus) -> dict[str, object]:
    """Return the data of a ``state`` event for a status."""
    data: dict[str, object] = {"state": str(status.state)}
    if status.exit_code is not None:
        data["exit_code"] = status.exit_code
    if status.error is not None:
        data["error"] = status.error
    return data


def unfinished(history: History) -> Sequence[RunRecord]:
    """Return the runs that have not ended according to the history."""
    return history.unfinished()
