"""What the page of one run shows of its events: a time line, curves of metrics. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.contract.json_types import JsonObject
from runtime.history.fold import as_number, as_text
from runtime.model.runs import RunEvent, RunRecord

MOST_POINTS: Final = 2_000
"""The points of one curve that a page draws; more are thinned out evenly."""


@dataclass(frozen=True, slots=True)
class Step:
    """One of the eight steps of a run; ``seconds`` is ``None`` while it goes on."""

    name: str
    text: str
    began: float
    seconds: float | None


@dataclass(slots=True)
class Curve:
    """The values of one metric: step, seconds since the run began, value."""

    name: str
    points: list[tuple[float, float, float]] = field(default_factory=list)

    def document(self) -> JsonObject:
        """Return the curve as a chart takes it; a value that is no number is text."""
        kept = thinned(self.points)
        return {
            "name": self.name,
            "steps": [step for step, _, _ in kept],
            "seconds": [seconds for _, seconds, _ in kept],
            "values": [as_text(value) for _, _, value in kept],
        }


def steps_of(record: RunRecord, events: Iterable[RunEvent]) -> Sequence[Step]:
    """Return the steps that a run has begun, in order."""
    begun = [event for event in events if event.kind == "step"]
    ends = [*(event.time for event in begun), record.ended][1:]
    return [
        Step(
            str(event.data["step"]),
            str(event.data.get("text") or ""),
            event.time,
            None if end is None else max(end - event.time, 0.0),
        )
        for event, end in zip(begun, ends, strict=True)
    ]


def curves_of(record: RunRecord, events: Iterable[RunEvent]) -> Sequence[Curve]:
    """Return the curves of a run's own metrics that are numbers, by name."""
    found: dict[str, Curve] = {}
    for event in events:
        point = point_of(record, event)
        if point is not None:
            name = str(event.data["key"])
            found.setdefault(name, Curve(name)).points.append(point)
    return [found[name] for name in sorted(found)]


def point_of(record: RunRecord, event: RunEvent) -> tuple[float, float, float] | None:
    """Return step, seconds and value of a metric, ``None`` for any other event."""
    data = event.data
    if event.kind != "metric" or data.get("type") or data.get("run"):
        return None
    step = data.get("step")
    moment = data.get("timestamp")
    at = float(moment) / 1000 if isinstance(moment, int | float) and moment else event.time
    return (
        float(step) if isinstance(step, int | float) else 0.0,
        at - (record.started or record.created),
        as_number(data["value"]),
    )


def thinned(points: Sequence[tuple[float, float, float]]) -> Sequence[tuple[float, float, float]]:
    """Return the points of a curve, evenly thinned out, with the first and the last."""
    if len(points) <= MOST_POINTS:
        return points
    stride = (len(points) - 1) / (MOST_POINTS - 1)
    return [points[round(number * stride)] for number in range(MOST_POINTS)]
