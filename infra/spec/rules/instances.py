"""Rules for compute instances: schedules and scripts."""

from collections.abc import Iterator, Mapping

from infra.contract.json_types import Document
from infra.spec.rules.findings import Finding, exactly_one, listed

_DAYS = {"week_days": "week", "month_days": "month"}


def schedules(compute: Document) -> Iterator[Finding]:
    for index, schedule in enumerate(listed(compute, "schedules")):
        if not isinstance(schedule, Mapping):
            continue
        at = ("schedules", index)
        problem = exactly_one(schedule, "cron", "recurrence")
        if problem:
            yield at, problem
        recurrence = schedule.get("recurrence")
        if isinstance(recurrence, Mapping):
            for location, message in _recurrence(recurrence):
                yield (*at, "recurrence", *location), message


def _recurrence(recurrence: Document) -> Iterator[Finding]:
    frequency = recurrence.get("frequency")
    for key, wanted in _DAYS.items():
        if recurrence.get(key) and frequency != wanted:
            yield (key,), f"requires frequency {wanted}, not {frequency}."
    if frequency in ("day", "week", "month"):
        for key in ("hours", "minutes"):
            if not recurrence.get(key):
                yield (key,), f"is required with frequency {frequency}."


def scripts(compute: Document) -> Iterator[Finding]:
    setup = compute.get("setup")
    if not isinstance(setup, Mapping):
        return
    for key in ("creation_script", "startup_script"):
        script = setup.get(key)
        if isinstance(script, Mapping):
            problem = exactly_one(script, "path", "inline")
            if problem:
                yield ("setup", key), problem
