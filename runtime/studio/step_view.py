"""The eight steps of a run on a time line, also those that its target leaves out, and why. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

from runtime.model.runs import RunEvent, RunRecord
from runtime.model.states import RunState

STEPS: Final = (
    "snapshot zip",
    "scale up",
    "environment",
    "download",
    "unzip",
    "run",
    "collect",
    "scale down",
)
_STATES: Final[Mapping[str, str]] = {
    RunState.PROVISIONING: "scale up",
    RunState.PREPARING: "environment",
    RunState.RUNNING: "run",
    RunState.FINALIZING: "collect",
}
"""The step that a state begins, for targets that report no steps of their own."""
_LAST: Final = frozenset({"collect", "scale down"})
"""What follows the script."""
_HERE: Final = "the run is on this machine, which is always there"
_OWN: Final = "the machine is always there"
_CLUSTER: Final = "the cluster schedules the run on nodes that it has"
_ALWAYS_THERE: Final = {"scale up": _OWN, "scale down": _OWN}
_LEFT_OUT: Final[Mapping[str, Mapping[str, str]]] = {
    "local": {
        "scale up": _HERE,
        "download": "the code is on this machine, and no input is copied",
        "scale down": _HERE,
    },
    "docker": {
        **_ALWAYS_THERE,
        "unzip": "the engine lays files out as they arrive",
    },
    "virtual_machine": {**_ALWAYS_THERE, "download": "files are laid out as they arrive"},
    "virtual_machines": {**_ALWAYS_THERE, "download": "files are laid out as they arrive"},
    "hdinsight": {"scale up": _CLUSTER, "scale down": _CLUSTER},
    "compute_instance": {
        "scale up": "the instance was started before",
        "scale down": "the instance goes on until it is stopped",
    },
}
"""Kind of target → the steps that it has no need of, and why."""
_BY_AZURE_ML: Final = "part of environment: Azure ML does not report it apart"
_UNTOLD: Final[Mapping[str, Mapping[str, str]]] = {
    "hdinsight": {
        "download": "part of unzip: files are laid out as they arrive",
        "unzip": "part of run: the driver lays files out as it starts",
    },
    "batch": {"scale down": "part of collect: a pool made for the run is deleted with its job"},
    "databricks": {
        "scale up": "part of run: the cluster was ready before it was asked about",
        "unzip": "part of run: files are laid out as the task starts",
        "scale down": "after the run: Databricks ends the cluster that it made for it",
    },
    "aml_compute": {
        "scale up": "part of environment: Azure ML reported no wait for nodes",
        "environment": "part of run: Azure ML reported no preparation",
        "download": _BY_AZURE_ML,
        "unzip": _BY_AZURE_ML,
        "collect": "part of run: outputs are stored as they are written",
        "scale down": "after the run: the cluster removes nodes that stay idle",
    },
    "compute_instance": {
        "environment": "part of run: Azure ML reported no preparation",
        "download": _BY_AZURE_ML,
        "unzip": _BY_AZURE_ML,
        "collect": "part of run: outputs are stored as they are written",
    },
}
"""Kind of target → the steps of which it may say nothing, and where they are.

A run has been through them once its script has begun; before that, they may still be told of.
"""


@dataclass(frozen=True, slots=True)
class Step:
    """A step that a run has begun; ``seconds`` is ``None`` while it goes on."""

    name: str
    text: str
    began: float
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Bar:
    """A step on the time line, ``at`` and ``wide`` from 0 to 100; ``seconds`` are those so far.

    Of a step that was not begun, ``seconds`` is ``None``, and ``text`` says why. A run that is
    started again has steps several times: ``earlier`` is where they were, as ``at`` and ``wide``
    say it of the last time.
    """

    name: str
    text: str
    at: float = 0.0
    wide: float = 0.0
    seconds: float | None = None
    goes_on: bool = False
    earlier: tuple[tuple[float, float], ...] = ()


def steps_of(record: RunRecord, events: Iterable[RunEvent]) -> Sequence[Step]:
    """Return the steps that a run has begun, in order.

    A step that its target does not report begins with the state that belongs to it.
    """
    known = list(events)
    reported = [event for event in known if event.kind == "step"]
    names = {str(event.data["step"]) for event in reported}
    begun = [(str(e.data["step"]), str(e.data.get("text") or ""), e.time) for e in reported]
    if reported:
        begun = sorted([*begun, *_from_states(known, names)], key=lambda each: each[2])
    ends = [*(began for *_, began in begun), record.ended][1:]
    return [
        Step(name, text, began, None if end is None else max(end - began, 0.0))
        for (name, text, began), end in zip(begun, ends, strict=bool(begun))
    ]


def _from_states(events: Sequence[RunEvent], names: set[str]) -> Iterable[tuple[str, str, float]]:
    for event in events:
        step = _STATES.get(str(event.data.get("state"))) if event.kind == "state" else None
        if step and step not in names and not event.data.get("run"):
            names = {*names, step}
            yield step, "", event.time


def bars_of(steps: Sequence[Step], state: RunState, kind: str, now: float) -> Sequence[Bar]:
    """Return all eight steps: when each was, from 0 to 100 of all time, or why it was not.

    ``kind`` is that of the run's target, empty if it is not known.
    """
    begun = [*_folded(_drawn(steps, now))]
    names = {bar.name for bar in begun}
    others = [Bar(name, _why(name, kind, names, state)) for name in STEPS if name not in names]
    order = {name: place for place, name in enumerate(STEPS)}
    return sorted([*begun, *others], key=lambda bar: order.get(bar.name, len(STEPS)))


def _drawn(steps: Sequence[Step], now: float) -> Iterable[Bar]:
    first = steps[0].began if steps else now
    took = [max(now - each.began, 0.0) if each.seconds is None else each.seconds for each in steps]
    ends = [step.began + seconds for step, seconds in zip(steps, took, strict=True)]
    whole = max([*ends, first + 0.001]) - first
    for step, seconds in zip(steps, took, strict=True):
        at, wide = 100 * (step.began - first) / whole, 100 * seconds / whole
        yield Bar(step.name, step.text, at, wide, seconds, step.seconds is None)


def _folded(bars: Iterable[Bar]) -> Iterable[Bar]:
    found: dict[str, list[Bar]] = {}
    for each in bars:
        found.setdefault(each.name, []).append(each)
    for *earlier, last in found.values():
        if not earlier:
            yield last
            continue
        often = f"{len(earlier) + 1} times"
        yield replace(
            last,
            text=f"{often}, at last: {last.text}" if last.text else often,
            seconds=sum(each.seconds or 0.0 for each in (*earlier, last)),
            earlier=tuple((each.at, each.wide) for each in earlier),
        )


def _why(name: str, kind: str, begun: AbstractSet[str], state: RunState) -> str:
    """Return why a run has not begun a step, or where the step is, of which nothing was said."""
    if left_out := _LEFT_OUT.get(kind, {}).get(name):
        return f"not needed here: {left_out}"
    is_past = state.final if name in _LAST else True
    if "run" in begun and is_past and (untold := _UNTOLD.get(kind, {}).get(name)):
        return untold
    if not state.final:
        return "not yet"
    if state is RunState.COMPLETED:
        return "not reported by this kind of target"
    return "not reached"
