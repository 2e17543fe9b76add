"""How far a run's events on a workspace have been read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from runtime.model.runs import RunEvent

_OF_ONE_ATTEMPT: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class Cursor:
    """Read positions in a run's two event streams: service events, bytes of the agent's file.

    ``past``: 1 when the metrics that the agent has not seen were read, at the end. ``attempt``
    counts from 1: a run whose node was taken away starts again, with a new file of the agent.
    """

    service: int = 0
    agent: int = 0
    past: int = 0
    attempt: int = 1

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        return cls(*map(int, text.split(","))) if text else cls()

    def __str__(self) -> str:
        return f"{self.service},{self.agent},{self.past},{self.attempt}"

    @property
    def first_seq(self) -> int:
        """Return the number of the attempt's first event, above those of earlier attempts."""
        return (self.attempt - 1) * _OF_ONE_ATTEMPT

    def past_service(self, events: Sequence[RunEvent]) -> "Cursor":
        """Return the cursor after new service events; another attempt's file is read anew."""
        attempt = max([self.attempt, *(int(e.data.get("attempt") or 1) for e in events)])
        agent = self.agent if attempt == self.attempt else 0
        return replace(self, service=self.service + len(events), agent=agent, attempt=attempt)
