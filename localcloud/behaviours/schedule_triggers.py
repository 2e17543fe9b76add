"""The triggers of schedules: as ARM writes them, when they are due, and names of jobs. Pure."""

from datetime import UTC, datetime
from typing import Final

from infra.contract.errors import PlatformError, UsageError
from infra.contract.json_types import Document, JsonObject
from runtime.pipelines.triggers import Cron, Recurrence, checked, moment_of

TRIGGER_TIME: Final = "${{creation_context.trigger_time}}"
"""What a schedule's job may have among its values for the time at which it was due."""
_KINDS: Final = ("Cron", "Recurrence")


def trigger_of(given: Document, created: float) -> Recurrence | Cron:
    """Return the trigger of a schedule that was created at a time.

    Raises ``PlatformError`` with everything that is wrong with it.
    """
    zone = str(given.get("timeZone") or "UTC")
    start = _moment(given.get("startTime"), zone)
    end = _moment(given.get("endTime"), zone)
    if str(given.get("triggerType") or "").lower() == "cron":
        cron = Cron(str(given.get("expression") or ""), start or 0.0, zone, end)
        checked(cron)
        return cron
    times: Document = given.get("schedule") or {}
    interval = given.get("interval")
    made = Recurrence(
        str(given.get("frequency") or "").lower(),
        1 if interval is None else int(interval),
        created if start is None else start,
        zone,
        _numbers(times, "hours"),
        _numbers(times, "minutes"),
        tuple(str(each).lower() for each in times.get("weekDays") or ()),
        _numbers(times, "monthDays"),
        end,
    )
    checked(made)
    return made


def trigger_problem(given: object, now: float) -> str | None:
    """Return what is wrong with a trigger, ``None`` if nothing is."""
    if not isinstance(given, dict) or not given:
        return "The schedule has no trigger."
    kind = str(given.get("triggerType") or "")
    if kind.lower() not in {each.lower() for each in _KINDS}:
        return f"The trigger is of type '{kind}'; use one of {', '.join(_KINDS)}."
    try:
        trigger_of(given, now)
    except PlatformError as error:
        return f"{error.detail} {error.remedy}"
    return None


def job_name(schedule: str, due: float) -> str:
    """Return the name of the job of a schedule that was due at a time."""
    return f"{schedule}-{datetime.fromtimestamp(due, UTC):%Y%m%dT%H%M%SZ}"


def at_time(definition: JsonObject, due: float) -> JsonObject:
    """Return a job with the time at which its schedule was due in its inputs."""
    text = f"{datetime.fromtimestamp(due, UTC):%Y-%m-%dT%H:%M:%SZ}"
    inputs = {
        name: _replaced(each, text) for name, each in (definition.get("inputs") or {}).items()
    }
    return {**definition, "inputs": inputs} if inputs else definition


def _replaced(value: JsonObject | None, text: str) -> JsonObject | None:
    if value is None:
        return None
    return {
        key: each.replace(TRIGGER_TIME, text) if isinstance(each, str) else each
        for key, each in value.items()
    }


def _moment(text: object, zone: str) -> float | None:
    return moment_of(str(text), zone) if text else None


def _numbers(times: Document, key: str) -> tuple[int, ...]:
    given = times.get(key)
    listed = given if isinstance(given, list) else [] if given is None else [given]
    for each in listed:
        if not isinstance(each, int) or isinstance(each, bool):
            raise UsageError(f"{key} has {each!r}.", remedy="Write whole numbers.")
    return tuple(listed)
