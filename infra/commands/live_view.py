"""The progress of a deployment: a live display on a terminal, plain lines elsewhere."""

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from infra.commands import plans
from infra.contract.terminal import wants_colour
from infra.engine.model.events import Event, Finished, Message, Op, Started, Step, Summary
from infra.engine.model.resources import urn_name

_WORTH_SAYING_S: Final = 0.1


class Progress:
    """Progress of an operation: live on a terminal, as lines elsewhere. A listener of the engine.

    Called from several threads, inside ``with`` only. What stays on the screen at the end is one
    line for each resource that changed. ``quiet``: nothing is shown but errors.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        colour = wants_colour(os.environ)
        self._console = Console(
            stderr=True, highlight=False, color_system=None if colour is False else "auto"
        )
        self._live: Live | None = None
        self._lock = threading.RLock()  # a signal handler may print while its thread does
        self._running: dict[tuple[str, Op], tuple[Step, float]] = {}
        self._expected: dict[str, Step] = {}  # by URN: what the plan changes and is not begun
        self._done = 0
        self.failures: list[tuple[str, str]] = []
        self.changes: Counter[Op] = Counter()

    def __enter__(self) -> Self:
        # FORCE_COLOR makes any stream a terminal to rich; a display that redraws needs a real one.
        if sys.stderr.isatty() and not (self._quiet or self._console.is_dumb_terminal):
            self._live = Live(
                get_renderable=self._tree,
                console=self._console,
                transient=True,
                refresh_per_second=8,
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def expect(self, steps: Iterable[Step]) -> None:
        """Note what a plan is about to change, to show how much is left and what waits."""
        changing = [step for step in steps if step.op not in plans.QUIET]
        with self._lock:
            self._expected = {step.urn: step for step in changing}
            self._done = 0

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop redrawing while a question is asked."""
        if self._live is None:
            yield
            return
        self._live.stop()
        try:
            yield
        finally:
            self._live.start()

    def __call__(self, event: Event) -> None:
        with self._lock:
            match event:
                case Started(step) if step.op not in plans.QUIET:
                    self._expected.pop(step.urn, None)
                    self._running[step.urn, step.op] = (step, time.monotonic())
                case Finished(step, seconds, error):
                    if self._running.pop((step.urn, step.op), None) and not error:
                        self._done += 1
                    self._finished(step, seconds, error)
                case Message("error", text, _):
                    self._print_error(f"error: {text}")
                case Message(severity, text, _):
                    self._print(text if severity == "info" else f"{severity}: {text}")
                case Summary(changes):
                    self.changes = Counter(changes)
                case _:
                    pass

    def _finished(self, step: Step, seconds: float, error: str) -> None:
        if error:
            self.failures.append((step.urn, error))
            doing = plans.VERBS[step.op][0]
            self._print_error(
                f"  !! {plans.short_type(step.type)} {urn_name(step.urn)}: {doing} failed\n{error}"
            )
        elif (
            step.op not in plans.QUIET
            and step.op is not Op.REPLACE
            and not plans.is_component(step)
        ):
            mark, colour = plans.MARKS[step.op]
            took = f" ({seconds:.1f} s)" if seconds >= _WORTH_SAYING_S else ""
            what = f"{plans.short_type(step.type)} {urn_name(step.urn)}"
            self._print(f"  {mark:<2} {what} {plans.VERBS[step.op][1]}{took}", colour)

    def _print(self, text: str, style: str = "") -> None:
        if not self._quiet:
            self._console.print(Text(text, style=style), soft_wrap=True)

    def _print_error(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)

    def _tree(self) -> Group:
        with self._lock:
            running, waiting = list(self._running.values()), list(self._expected.values())
            done = self._done
        now = time.monotonic()
        lines: list[Spinner | Text] = [
            Spinner(
                "dots",
                f"{plans.VERBS[step.op][0]} {plans.short_type(step.type)} {urn_name(step.urn)}"
                f" ({now - began:.0f} s{_waited_for(step, waiting)})",
            )
            for step, began in running
        ]
        if running and waiting:
            lines.append(Text(f"{done} done, {len(waiting)} to go", style="dim"))
        return Group(*lines)


def _waited_for(step: Step, waiting: Iterable[Step]) -> str:
    """Return how many resources wait for one: those that depend on it and are not begun."""
    # A deletion goes the other way: what it depends on is deleted after it.
    deletes = step.op in {Op.DELETE, Op.DELETE_REPLACED}
    count = sum(each.urn in step.after if deletes else step.urn in each.after for each in waiting)
    return f", {count} {'waits' if count == 1 else 'wait'} for it" if count else ""
