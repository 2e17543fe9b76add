"""The runs that a script created below its own: folded from its run's events. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from runtime.history.fold import fold
from runtime.model.runs import RunEvent, RunRecord
from runtime.model.states import NEXT, Held, RunState, held_after

PARENT: Final = "azureml.parentRunId"
"""The property of a child run that names the run above it."""


def part_record(root: RunRecord, run_id: str, events: Sequence[RunEvent]) -> RunRecord:
    """Return the record of a run that a script created, folded from the events of its root."""
    mine = [event for event in events if event.data.get("run") == run_id]
    made = next((event for event in mine if event.kind == "child"), mine[0])
    first = RunRecord(
        run_id=run_id,
        experiment=root.experiment,
        target=root.target,
        state=RunState.RUNNING,
        created=made.time,
        started=made.time,
        script=root.script,
        properties={PARENT: str(made.data.get("parent") or root.run_id)},
        stack=root.stack,
        billed=root.billed_parts.get(str(made.data.get("name")), root.billed_parts.get("")),
    )
    told = (
        replace(event, data={key: value for key, value in event.data.items() if key != "run"})
        for event in mine
    )
    record = replace(fold(first, told), held=_held(mine, root))
    # A script that ends leaves no child of it running.
    if root.state.final and not record.state.final:
        return replace(record, state=root.state, ended=root.ended)
    return record


def told_above(record: RunRecord, events: Sequence[RunEvent]) -> tuple[str, Sequence[RunEvent]]:
    """Return the id of the run above, and what the script told it, as events of that run.

    A script on a cluster cannot reach a run that this machine drives: its own events carry it.
    """
    above = record.properties.get(PARENT, "")
    told = [
        replace(event, data={key: value for key, value in event.data.items() if key != "run"})
        for event in events
        if above and event.data.get("run") == above and event.kind != "child"
    ]
    return above, told


def _held(events: Sequence[RunEvent], root: RunRecord) -> Held:
    """Return when a run that a service started had nodes: not from when it was created on."""
    held: Held = ()
    state = RunState.NOT_STARTED
    moves = [
        (RunState(event.data["state"]), event.time)
        for event in events
        if event.kind == "state" and event.data.get("state") in set(RunState)
    ]
    end = [(root.state, root.ended)] if root.state.final and root.ended is not None else []
    for to, time in (*moves, *end):
        if to in NEXT[state]:
            held = held_after(held, state, to, time)
            state = to
    return held


def parts_of(events: Sequence[RunEvent], parent: str) -> list[str]:
    """Return the ids of the runs directly below ``parent``, newest first."""
    made = [
        str(event.data["run"])
        for event in events
        if event.kind == "child" and event.data.get("parent") == parent and event.data.get("run")
    ]
    return list(dict.fromkeys(reversed(made)))
