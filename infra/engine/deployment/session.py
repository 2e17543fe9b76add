"""What all steps of one run share: options, events, slots, and whether another step may begin.

It calls no provider and knows no resource.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from infra.contract.errors import HaltedError, PlatformError
from infra.contract.json_types import Document
from infra.engine.deployment.hooks import Hooks
from infra.engine.deployment.recorder import Recorder
from infra.engine.model.events import Event, Finished, Listener, Message, Op, Started, Step, Summary
from infra.engine.planning.targets import Targets

Severity = Literal["info", "warning", "error"]

# A replacement counts once, as ``replace``; these two operations carry it out.
_PARTS_OF_A_REPLACE = frozenset({Op.CREATE_REPLACEMENT, Op.DELETE_REPLACED})


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a run. ``parallel`` is provider calls at once.

    ``replace`` holds the URNs to replace, ``forget`` those that a refresh drops from state.
    ``clear_pending``: a refresh forgets interrupted operations whose end it cannot find out;
    ``import_pending`` says where interrupted creates are, ids by URN. ``targets`` limits the run.
    ``required_only``: a refresh reads what has to be refreshed before each update, nothing else.
    ``destroys``: the program runs, and what it registers is deleted.
    """

    preview: bool = False
    parallel: int = 16
    continue_on_error: bool = False
    replace: frozenset[str] = frozenset()
    forget: frozenset[str] = frozenset()
    clear_pending: bool = False
    import_pending: Mapping[str, str] = field(default_factory=dict)
    targets: Targets = field(default_factory=Targets)
    required_only: bool = False
    destroys: bool = False
    default_timeout_s: float = 7200


class Cancellation:
    """Ctrl-C, once and twice. May be called from a signal handler, so it never takes a lock.

    Both flags only ever go from False to True, in one assignment: no update can be lost.
    """

    def __init__(self) -> None:
        self._stopped = False
        self._abandoned = False
        self._callbacks: list[Callable[[], None]] = []

    def stop(self) -> None:
        """Begin no new steps; running ones finish and are recorded."""
        self._stopped = True

    def abandon(self) -> None:
        """Stop providers too; the operations they were carrying out stay pending in state."""
        self._stopped = self._abandoned = True
        for callback in list(self._callbacks):
            # A callback may wait for a lock that the interrupted thread holds.
            threading.Thread(target=callback, name="abandon", daemon=True).start()

    def on_abandon(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` on a thread of its own when the run is abandoned."""
        self._callbacks.append(callback)

    @property
    def stopped(self) -> bool:
        return self._stopped

    @property
    def abandoned(self) -> bool:
        return self._abandoned


class Session:
    """One run: its recorder, its listener, and its result so far. Safe from many threads."""

    def __init__(
        self,
        recorder: Recorder,
        options: Options,
        listener: Listener,
        cancellation: Cancellation,
    ) -> None:
        self.recorder = recorder
        self.options = options
        self.cancellation = cancellation
        # Written under the lock and never back to False: a read-modify-write on one thread must not
        # lose the failure of another.
        self._failed = False
        self._halted = False
        self._listener = listener
        self._changes: Counter[Op] = Counter()
        self._adopted: set[str] = set()
        self._slots = threading.BoundedSemaphore(max(options.parallel, 1))
        # Reentrant: a listener runs under it and may itself report a message.
        self._lock = threading.RLock()
        self._begun = time.monotonic()
        self.hooks = Hooks(partial(self.message, "warning"), preview=options.preview)

    @property
    def failed(self) -> bool:
        return self._failed

    @property
    def preview(self) -> bool:
        return self.options.preview

    @property
    def tolerant(self) -> bool:
        """Say whether a failure stops only what depends on it. A preview shows all it can."""
        return self.options.continue_on_error or self.options.preview

    @property
    def slot(self) -> threading.BoundedSemaphore:
        """Hold it around a provider call: there are ``parallel`` of them."""
        return self._slots

    def refuse_if_halted(self) -> None:
        """Raise ``HaltedError`` when no new step may begin."""
        if self.cancellation.stopped:
            self.mark_failed()
            raise HaltedError(
                "The run was interrupted; no further steps were begun.",
                remedy="Run it again: it continues from what is recorded.",
            )
        if self._halted:
            raise HaltedError(
                "An earlier step failed; no further steps were begun.",
                remedy="See the failure reported above; "
                "`--continue-on-error` continues with resources that do not depend on it.",
            )

    def halted(self) -> bool:
        """Say whether no new step may begin."""
        return self._halted or self.cancellation.stopped

    def mark_failed(self) -> None:
        """Record that the run has failed; steps may still begin."""
        with self._lock:
            self._failed = True

    def fail(self) -> None:
        """Record a failure that was reported; unless ``tolerant``, no new steps begin."""
        with self._lock:
            self._failed = True
            self._halted = self._halted or not self.tolerant

    def report(self, error: PlatformError, urn: str = "") -> None:
        """Report and record a failure that belongs to no step."""
        self.message("error", str(error), urn)
        self.fail()

    def message(self, severity: Severity, text: str, urn: str = "", *, once: bool = False) -> None:
        self._emit(Message(severity, text, urn, once))

    @contextmanager
    def step(self, step: Step, *, silent: bool = False) -> Iterator[None]:
        """Report that a step begins and how it ended. Steps do not nest.

        Raises ``HaltedError`` at once when no step may begin. A ``PlatformError`` inside becomes
        ``HaltedError``: it is reported here and nowhere else.
        ``silent`` steps (default providers) are neither reported nor counted unless they fail.
        """
        self.refuse_if_halted()
        begun = time.monotonic()
        if not silent:
            self._emit(Started(step))
        try:
            yield
        except PlatformError as error:
            self._emit(Finished(step, time.monotonic() - begun, str(error)))
            self.fail()
            raise HaltedError(error.detail, remedy=error.remedy, at=error.at) from error
        if not silent:
            self._count(step)
            self._emit(Finished(step, time.monotonic() - begun))

    def report_step(self, step: Step, *, counts_as: Op | None = None) -> None:
        """Report and count a finished step whose work was done by other steps."""
        # One lock around all three: no other thread's event may come between the pair.
        with self._lock:
            self._changes[counts_as or step.op] += 1
            self._emit(Started(step))
            self._emit(Finished(step, 0.0))

    @contextmanager
    def provider_step(self, step: Step) -> Iterator[None]:
        """Report a step that calls a provider, once there is a slot for it."""
        # The slot comes first: a step that waits for one has not begun, is not shown as running,
        # and after Ctrl-C or a failure never does begin.
        with self.slot, self.step(step):
            yield

    def _count(self, step: Step) -> None:
        """Count a step, but not that what was just adopted is as the program wants it."""
        with self._lock:
            if step.op is Op.ADOPT:
                self._adopted.add(step.urn)
            settled = step.op is Op.SAME and step.urn in self._adopted
            if not settled and step.op not in _PARTS_OF_A_REPLACE:
                self._changes[step.op] += 1

    def summary(self, outputs: Document | None = None) -> Summary:
        """Report that the run has ended, and its result."""
        with self._lock:
            changes = dict(self._changes)
        seconds = time.monotonic() - self._begun
        summary = Summary(changes, seconds, self.failed, outputs or {})
        self._emit(summary)
        return summary

    def _emit(self, event: Event) -> None:
        with self._lock:
            self._listener(event)
