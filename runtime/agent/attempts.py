"""Runs the script to its end, and again after a failure if that is asked for.

What is kept between attempts are files: the working folder, ``outputs`` and the logs, to which
each attempt appends.
"""

from __future__ import annotations

import time
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runtime.agent.documents import JsonObject
from runtime.agent.events import read_events
from runtime.agent.exit_codes import exit_text, positive
from runtime.agent.failures import failure_events
from runtime.agent.memory_kills import memory_kills
from runtime.agent.retries import Retries
from runtime.agent.supervise import MAX_DURATION, SIGNAL, Limits, ScriptExit

ATTEMPT_VARIABLE = "AML_ATTEMPT"
"""The number of the attempt, from 1."""
ATTEMPTS_PROPERTY = "aml.attempts"
_FINAL = frozenset({SIGNAL, MAX_DURATION})

Start: typing.TypeAlias = "Callable[[Sequence[str], Mapping[str, str], Limits], ScriptExit]"
"""Runs a command with these variables and limits, once."""


@dataclass(frozen=True)
class Attempts:
    """How a script is run. ``max_duration_s`` of the limits is that of all attempts together.

    ``failure`` returns why a script that ended well says that its run failed, and forgets it.
    ``first`` is the number of the first attempt: an earlier agent of the run may be gone.
    """

    start: Start
    limits: Limits
    retries: Retries
    report: Callable[[str, JsonObject], None]
    failure: Callable[[], str | None]
    first: int = 1

    def run(self, command: Sequence[str], variables: Mapping[str, str]) -> ScriptExit:
        """Run the script until it succeeds or no attempt is left; return how the last one ended.

        ``said`` of the result is what ``failure`` returned. Raises what ``start`` raises.
        """
        began, attempt = time.monotonic(), self.first
        while True:
            kills = memory_kills()
            limits = self._left(time.monotonic() - began)
            outcome = self.start(command, {**variables, ATTEMPT_VARIABLE: str(attempt)}, limits)
            ended_well = outcome.exit_code == 0 and not outcome.stopped_by
            events = failure_events(outcome, out_of_memory=memory_kills() > kills)
            said = self.failure() if ended_well else None
            outcome = replace(outcome, said=said, events=events)
            code = positive(outcome.exit_code) or 1
            failed = outcome.said is not None or not ended_well
            if not failed or outcome.stopped_by in _FINAL:
                break
            if not self.retries.again(attempt, code, events):
                break
            attempt += 1
            text = f"{why(outcome)} It starts again: attempt {attempt} of {self.retries.most + 1}."
            self.report("message", {"text": text})
        if self.retries.most:
            self.report("property", {"key": ATTEMPTS_PROPERTY, "value": str(attempt)})
        return outcome

    def _left(self, elapsed_s: float) -> Limits:
        most = self.limits.max_duration_s
        left = max(0.001, most - elapsed_s) if most else 0.0
        return replace(self.limits, max_duration_s=left)


def why(outcome: ScriptExit) -> str:
    """Return a sentence about an attempt that failed."""
    if outcome.said is not None:
        return f"The script said that it failed: {outcome.said.rstrip('.')}."
    who = "The script" if outcome.size == 1 else f"Rank {outcome.rank}"
    return outcome.text or f"{who} ended with {exit_text(positive(outcome.exit_code))}."


def left_s(max_duration_s: float, events: Path, attempt: int) -> float:
    """Return what an attempt has of the maximum duration of all; at least a second, 0: no limit.

    ``events`` is the file of the agent, in which earlier attempts are known to have begun.
    """
    if not max_duration_s or attempt == 1 or not events.exists():
        return max_duration_s
    began = (
        float(event["time"])
        for event in read_events(events.read_bytes())
        if event["kind"] == "state" and event["data"].get("state") == "Running"
    )
    took_s = max(0.0, time.time() - next(began, time.time()))
    return max(1.0, max_duration_s - took_s)
