"""The trigger of a schedule's file: every problem of it, each with its line."""

import time
from typing import Final

from infra.contract.errors import UsageError
from infra.contract.json_types import Document
from runtime.definitions.schedule_yaml import ScheduleFile
from runtime.pipelines.triggers import (
    Cron,
    Recurrence,
    Trigger,
    moment_of,
    never_due,
    zone_of,
)

_CRON: Final = "cron"


def trigger_of(made: ScheduleFile) -> Trigger:
    """Return the trigger of a file. ``DefinitionError`` has every problem of the file."""
    found = _Reading(made).trigger()
    made.problems.raise_any()
    return found


class _Reading:
    def __init__(self, made: ScheduleFile) -> None:
        self._given = made.trigger
        self._times: Document = made.trigger.get("schedule") or {}
        self._lines = made.lines
        self._problems = made.problems

    def trigger(self) -> Trigger:
        zone = self._zone()
        begins, end = self._moment("start_time", zone), self._moment("end_time", zone)
        kind = self._given.get("type")
        found = (
            self._cron(begins, end, zone) if kind == _CRON else self._times_of(begins, end, zone)
        )
        if kind not in {_CRON, "recurrence"}:
            return found
        problems = found.problems()
        for text in problems:
            key = "expression" if kind == _CRON else text.partition(" ")[0]
            self._wrong(key, text, "Correct the trigger.")
        if not problems and (why := never_due(found, time.time())):
            self._wrong(why.partition(" ")[0], why, "Correct the trigger.")
        return found

    def _cron(self, begins: float | None, end: float | None, zone: str) -> Trigger:
        return Cron(str(self._given.get("expression") or ""), begins or 0.0, zone, end)

    def _times_of(self, begins: float | None, end: float | None, zone: str) -> Trigger:
        days = self._times.get("week_days") or self._times.get("weekdays") or ()
        interval = self._given.get("interval")
        return Recurrence(
            str(self._given.get("frequency") or "").lower(),
            interval if isinstance(interval, int) else 1,
            time.time() if begins is None else begins,
            zone,
            self._numbers("hours"),
            self._numbers("minutes"),
            tuple(str(each).lower() for each in ([days] if isinstance(days, str) else days)),
            self._numbers("month_days"),
            end,
        )

    def _zone(self) -> str:
        zone = str(self._given.get("time_zone") or "UTC")
        try:
            zone_of(zone)
        except UsageError as error:
            self._wrong("time_zone", error.detail, error.remedy)
            return "UTC"
        return zone

    def _moment(self, key: str, zone: str) -> float | None:
        text = self._given.get(key)
        try:
            return moment_of(str(text), zone) if text else None
        except UsageError as error:
            self._wrong(key, f"{key}: {error.detail}", error.remedy)
            return None

    def _numbers(self, key: str) -> tuple[int, ...]:
        listed = self._times.get(key)
        given = listed if isinstance(listed, list) else [] if listed is None else [listed]
        words = [str(each) for each in given]
        for word in (each for each in words if not each.isdecimal()):
            self._wrong(key, f"{key} has {word!r}, which is no whole number.", "Write numbers.")
        return tuple(int(each) for each in words if each.isdecimal())

    def _wrong(self, key: str, what: str, remedy: str) -> None:
        self._problems.at_line(self._lines.get(key, self._lines[""]), what, remedy)
