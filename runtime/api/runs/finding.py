"""Which runs of an experiment are meant: by type, tags, properties and status."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from runtime.history.child_runs import PARENT
from runtime.history.store import Filter, History
from runtime.model.runs import RunRecord

Pairs = Mapping[str, str] | str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run has to be. A tag or property whose value is ``None`` only has to be there."""

    type: str = ""
    tags: Mapping[str, str | None] = field(default_factory=dict)
    properties: Mapping[str, str | None] = field(default_factory=dict)
    status: str = ""

    @classmethod
    def of(cls, type: str | None, tags: Pairs, properties: Pairs, status: str | None) -> "Wanted":
        """Return what azureml-core's arguments mean; a text in place of pairs is a name."""
        return cls(type or "", _pairs(tags), _pairs(properties), status or "")

    def means(self, type: str, record: RunRecord) -> bool:
        """Return whether a run matches."""
        return (
            self.type in {"", type}
            and self.status in {"", str(record.state)}
            and _has(record.tags, self.tags)
            and _has(record.properties, self.properties)
        )


def matching(history: History, experiment: str, include_children: bool) -> Iterator[RunRecord]:
    """Yield the runs of an experiment, newest first; those below another one only if asked for."""
    for record in history.each_run(Filter(experiment=experiment)):
        if include_children or PARENT not in record.properties:
            yield record


def has_pairs(known: Mapping[str, str | None], wanted: Pairs) -> bool:
    """Return whether tags or properties are among ``known``; a text is a name alone."""
    return _has(known, _pairs(wanted))


def _pairs(given: Pairs) -> dict[str, str | None]:
    if isinstance(given, str):
        return {given: None}
    return {str(key): str(value) for key, value in (given or {}).items()}


def _has(known: Mapping[str, str | None], wanted: Mapping[str, str | None]) -> bool:
    return all(key in known and value in {None, known[key]} for key, value in wanted.items())
