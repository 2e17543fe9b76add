"""Plans and deployments as the Pulumi CLI's `--json` has them, for tools that read those.

`preview` is one document: a step for each resource, with its records before and after. The other
operations are engine events, one a line. Secrets are hidden, as the CLI hides them.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

from infra.contract.json_types import Document, JsonObject
from infra.engine.model.events import Event, Finished, Message, Op, Started, Step, Summary
from infra.engine.model.resources import Resource
from infra.engine.model.values import hidden, plain
from infra.engine.state.entries import entry_of
from infra.engine.state.extensions import referring
from infra.engine.state.properties import Redacting

_OPS: Final[Mapping[Op, str]] = {Op.ADOPT: "import"}  # the CLI has no word for it
_HALVES: Final = frozenset({Op.CREATE_REPLACEMENT, Op.DELETE_REPLACED})
_NANOSECONDS: Final = 1_000_000_000
_STATE: Final = (
    "type",
    "urn",
    "custom",
    "id",
    "parent",
    "protect",
    "inputs",
    "outputs",
    "provider",
)
_EMPTY: Final[Document] = {"id": "", "parent": "", "inputs": {}, "outputs": {}, "provider": ""}


def preview_document(
    config: Document, steps: Iterable[Step], summary: Summary, more: Document
) -> JsonObject:
    """Return a plan as `pulumi preview --json` does, and ``more`` that only ours has."""
    return {
        "config": dict(config),
        "steps": [_step(step) for step in steps if step.op not in _HALVES],
        "duration": round(summary.seconds * _NANOSECONDS),
        "changeSummary": _counts(summary.changes),
        **more,
    }


def _step(step: Step) -> JsonObject:
    old, new = step.records.old, step.records.new
    document: JsonObject = {"op": _op(step.op), "urn": step.urn}
    current = new or old
    if current and current.provider:
        document["provider"] = current.provider
    if old:
        document["oldState"] = _entry(old)
    if new:
        document["newState"] = _entry(replace(new, id="", outputs={}))
    detailed = _detailed(step)
    if detailed:
        document["diffReasons"] = sorted({path.split(".")[0].split("[")[0] for path in detailed})
    document["detailedDiff"] = detailed
    # Ours: why it is replaced or updated, and remarks on properties.
    ours = {"reason": step.reason, "notes": dict(step.notes)}
    return document | {key: value for key, value in ours.items() if value}


def _entry(resource: Resource) -> JsonObject:
    bare = replace(
        resource,
        inputs=hidden(dict(resource.inputs)),
        outputs=hidden(dict(resource.outputs)),
        replacement_trigger=plain(resource.replacement_trigger),
    )
    return referring(entry_of(bare, Redacting()))


def _detailed(step: Step) -> JsonObject | None:
    current = step.records.new or step.records.old
    # A component has no provider that compares.
    if not step.diffs or not current or not current.custom:
        return None
    return {path: {"kind": kind, "inputDiff": True} for path, kind in step.diffs.items()}


def _op(op: Op) -> str:
    return _OPS.get(op, str(op))


def _counts(changes: Mapping[Op, int]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for op, number in changes.items():
        counts[_op(op)] = counts.get(_op(op), 0) + number
    return counts


class EventLines:
    """Prints the events of an operation, one a line, to ``write``. A listener of the engine.

    Called from several threads, one at a time; used inside ``with``.
    """

    def __init__(self, config: Document, write: Callable[[str], None]) -> None:
        self._config, self._write = config, write
        self._number = 0
        self._summary: Summary | None = None
        self._planned = False

    def __enter__(self) -> Self:
        self._emit("preludeEvent", {"config": dict(self._config)})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        summary = self._summary or Summary({}, 0.0, failed=True)
        failed = summary.failed or error is not None
        self._emit(
            "summaryEvent",
            {
                "maybeCorrupt": False,
                "durationSeconds": round(summary.seconds),
                "resourceChanges": _counts(summary.changes),
                "PolicyPacks": {},
                "isPreview": self._planned,
                "result": "failed" if failed else "succeeded",
            },
        )
        self._emit("cancelEvent", {})

    def __call__(self, event: Event) -> None:
        match event:
            case Started(step):
                self._emit("resourcePreEvent", {"metadata": _metadata(step, done=False)})
            case Finished(step, _, error) if error:
                self._diagnose("error", error, step.urn)
                failed = {"metadata": _metadata(step, done=False), "status": 0, "steps": 0}
                self._emit("resOpFailedEvent", failed)
            case Finished(step):
                self._emit("resOutputsEvent", {"metadata": _metadata(step, done=True)})
            case Message(severity, text, urn):
                self._diagnose(severity, text, urn)
            case Summary():
                self._summary = event

    def show(self, steps: Iterable[Step], summary: Summary, *, planned: bool) -> None:
        """Print what a run did that nobody listened to; ``planned``: it is not carried out."""
        for step in steps:
            self(Started(step))
            self(Finished(step, 0.0))
        self._summary, self._planned = summary, planned

    def _diagnose(self, severity: str, text: str, urn: str) -> None:
        about = {"urn": urn} if urn else {}
        prefix = {} if severity == "info" else {"prefix": f"{severity}: "}
        message = {"message": f"{text}\n", "color": "never", "severity": severity}
        self._emit("diagnosticEvent", {**about, **prefix, **message})

    def _emit(self, name: str, body: Document) -> None:
        event = {"sequence": self._number, "timestamp": int(time.time()), name: body}
        self._number += 1
        self._write(json.dumps(event, separators=(",", ":")))


def _metadata(step: Step, *, done: bool) -> JsonObject:
    old, new = step.records.old, step.records.new
    if new and not done:
        new = replace(new, id="", outputs={})
    current = new or old
    reasons = {"keys": list(step.replaces)} if step.replaces else {}
    return {
        "op": _op(step.op),
        "urn": step.urn,
        "type": step.type,
        "old": _state(old),
        "new": _state(new),
        **reasons,
        "detailedDiff": _detailed(step),
        "logical": True,
        "provider": current.provider if current else "",
    }


def _state(resource: Resource | None) -> JsonObject | None:
    if resource is None:
        return None
    entry = referring(entry_of(resource, Redacting()))
    found = {key: entry.get(key, _EMPTY.get(key)) for key in _STATE}
    return {key: value for key, value in found.items() if value or key in _EMPTY}
