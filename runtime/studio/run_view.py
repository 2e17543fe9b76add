"""What the page of one run shows of its events: curves of metrics, tags, git. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.contract.json_types import JsonObject
from runtime.history.fold import as_number, as_text
from runtime.model.runs import RunEvent, RunRecord

MOST_POINTS: Final = 2_000
"""The points of one curve that a page draws; more are thinned out evenly."""

_RANK: Final = re.compile(r"std_log_(?:process|node)_(\d+)")
SYSTEM: Final = "_aml_system_"
"""The beginning of the tags that the driver of a sweep keeps, each also without it."""
_GIT: Final = {
    "repository_uri": "Repository",
    "branch": "Branch",
    "commit": "Commit",
    "dirty": "Uncommitted changes",
}
"""What a run's properties say of git, and how it is called here."""


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
        at - _begin(record),
        as_number(data["value"]),
    )


def _begin(record: RunRecord) -> float:
    """Return when a run began; one that was preempted, when it did so first."""
    again = len(record.held) > 1
    return record.held[0][0] if again else record.started or record.created


def thinned(points: Sequence[tuple[float, float, float]]) -> Sequence[tuple[float, float, float]]:
    """Return the points of a curve, evenly thinned out, with the first and the last."""
    if len(points) <= MOST_POINTS:
        return points
    stride = (len(points) - 1) / (MOST_POINTS - 1)
    return [points[round(number * stride)] for number in range(MOST_POINTS)]


def end_of(log: str, most: int) -> str:
    """Return the last lines of a log, which have ``most`` characters together at most."""
    if len(log) <= most:
        return log
    end = log[-most:]
    return end if log[-most - 1] == "\n" else end.partition("\n")[2] or end


def ranks_of(logs: Iterable[str]) -> Sequence[str]:
    """Return the ranks that have logs of their own, in order; none for a run of one process."""
    found = {match[1] for name in logs if (match := _RANK.search(name))}
    return sorted(found, key=int)


def tags_of(record: RunRecord) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the tags that people set, and those that the driver of a sweep keeps."""
    is_sweep = record.properties.get("runTemplate") == "HyperDrive"
    kept = {
        key: value
        for key, value in record.tags.items()
        if key.startswith(SYSTEM)
        or (is_sweep and (f"{SYSTEM}{key}" in record.tags or key.startswith(record.run_id)))
    }
    return {key: value for key, value in record.tags.items() if key not in kept}, kept


def git_of(record: RunRecord) -> Mapping[str, str]:
    """Return what git knew of the source folder: repository, branch, commit, uncommitted."""
    found = {}
    for key, title in _GIT.items():
        if value := record.properties.get(f"azureml.git.{key}"):
            found[title] = value
    if "Uncommitted changes" in found:
        found["Uncommitted changes"] = "yes" if found["Uncommitted changes"] == "True" else "no"
    return found
