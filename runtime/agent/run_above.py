"""The run above the script's own where no server that the agent reaches knows it.

A sweep or a pipeline that the submitter drives is a run of the project's history alone. What a
script on a cluster tells it travels with the events of the script's own run.
"""

from __future__ import annotations

import typing

from runtime.agent.documents import JsonObject
from runtime.agent.run_facts import RunFacts

PROPERTY = "azureml.parentRunId"
_NUMBER = "number"
Record: typing.TypeAlias = "typing.Callable[[str, JsonObject], None]"


def run_above(facts: RunFacts) -> str | None:
    """Return the id of the run above the script's own, as the submitter knows it."""
    known = facts.document
    above = known.get("parent") or known["properties"].get(PROPERTY)
    return str(above) if above else None


class ToldAbove:
    """What this script told the run above its own: all that is known of it here."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._tags: dict[str, str] = {}
        self._properties: dict[str, str] = {}
        self.metrics: JsonObject = {}

    def change(self, run: str, kind: str, data: JsonObject) -> bool:
        """Record an event for the run, or that it is to be canceled."""
        if kind == "cancel":
            kind, data = "state", {"state": "CancelRequested"}
        elif kind == "metric":
            logged = self.metrics.setdefault(
                str(data["key"]), {"type": data.get("type") or _NUMBER, "values": []}
            )
            logged["values"].append(data["value"])
        elif kind == "tag" and data["value"] is None:
            self._tags.pop(str(data["key"]), None)
        elif kind == "tag":
            self._tags[str(data["key"])] = str(data["value"])
        elif kind == "property":
            self._properties[str(data["key"])] = str(data["value"])
        self._record(kind, {**data, "run": run})
        return True

    def document(self, run: str, experiment: str) -> JsonObject:
        """Return the run, which goes on as long as this one does."""
        return {
            "id": run,
            "name": run,
            "experiment": experiment,
            "experiment_id": None,
            "status": "Running",
            "parent": None,
            "tags": dict(self._tags),
            "properties": dict(self._properties),
            "metrics": self.metrics,
        }
