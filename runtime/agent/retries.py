"""When a script that failed is started again. Pure."""

from __future__ import annotations

from dataclasses import dataclass

OUT_OF_MEMORY, KILLED, IDLE, RENDEZVOUS = "out of memory", "killed", "idle", "rendezvous"
LOST = "lost"
"""Another node of the run is gone: the agents of all have to be started again."""
EVENTS = (OUT_OF_MEMORY, KILLED, IDLE, RENDEZVOUS)
"""What the agent sees of a failure: see ``runtime.model.launching.RetryPolicy``."""


@dataclass(frozen=True)
class Retries:
    """At most ``most`` more attempts; after any failure if neither codes nor events are named."""

    most: int = 0
    exit_codes: frozenset[int] = frozenset()
    events: frozenset[str] = frozenset()

    def again(self, attempt: int, exit_code: int, events: frozenset[str]) -> bool:
        """Return whether another attempt follows the ``attempt``-th, which failed."""
        if attempt > self.most:
            return False
        if not self.exit_codes and not self.events:
            return True
        return exit_code in self.exit_codes or bool(events & self.events)
