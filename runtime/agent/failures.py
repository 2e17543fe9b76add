"""What happened to a script that failed. Pure."""

from __future__ import annotations

from runtime.agent.exit_codes import positive
from runtime.agent.retries import EVENTS, KILLED, LOST, OUT_OF_MEMORY
from runtime.agent.supervise import ScriptExit

_SIGNALED = 128


def failure_events(outcome: ScriptExit, *, out_of_memory: bool) -> frozenset[str]:
    """Return what happened, in the words of a policy of retries."""
    code = positive(outcome.exit_code)
    found = {outcome.stopped_by, *outcome.events} & {*EVENTS, LOST}
    if not outcome.stopped_by and code > _SIGNALED:
        found.add(KILLED)
        found |= {OUT_OF_MEMORY} if out_of_memory else set()
    return frozenset(found)
