"""When a schedule is due: a recurrence, a cron expression, or a change of data. Pure.

Azure ML's words and rules: a recurrence counts from its start, ``hours`` and ``minutes`` are the
times of a day, ``week_days`` go with weeks and ``month_days`` with months.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import count
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from infra.contract.errors import UsageError
from infra.contract.load import load, nearest
from runtime.pipelines.windows_zones import WINDOWS_ZONES

FREQUENCIES: Final = ("minute", "hour", "day", "week", "month")
_DAILY: Final = ("day", "week", "month")
WEEK_DAYS: Final = (
    *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
)
_HOURS, _MINUTES, _MONTH_DAYS, _FIELDS = range(24), range(60), range(1, 32), 5
_YEARS: Final = range(1970, 9999)
_MONTHS: Final = 12
_LAST: Final = datetime(_YEARS.stop, 1, 1, tzinfo=UTC).timestamp()
_CALENDAR: Final = 4800
"""The months after which the calendar repeats: a day that none of them has never comes."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Every ``interval`` of ``frequency`` from ``start`` (seconds since the epoch) on."""

    frequency: str
    interval: int
    start: float
    time_zone: str = "UTC"
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    week_days: tuple[str, ...] = ()
    month_days: tuple[int, ...] = ()
    end: float | None = None

    def problems(self) -> list[str]:
        """Return everything that is wrong with it."""
        rows = (
            (self.frequency in FREQUENCIES, f"frequency is one of {', '.join(FREQUENCIES)}."),
            (self.interval >= 1, "interval is at least 1."),
            (all(each in _HOURS for each in self.hours), "hours are 0 to 23."),
            (all(each in _MINUTES for each in self.minutes), "minutes are 0 to 59."),
            (not self.week_days or self.frequency == "week", "week_days go with weeks."),
            (not self.month_days or self.frequency == "month", "month_days go with months."),
            (all(each in _MONTH_DAYS for each in self.month_days), "month_days are 1 to 31."),
            (all(each in WEEK_DAYS for each in self.week_days),
             f"week_days are among {', '.join(WEEK_DAYS)}."),
            (not self.hours or self.frequency in _DAILY, "hours go with days, weeks and months."),
            (not self.minutes or self.frequency in _DAILY,
             "minutes go with days, weeks and months."),
        )  # fmt: skip
        return [text for holds, text in rows if not holds]

    def next_after(self, moment: float) -> float | None:
        """Return the first time after ``moment``, ``None`` if there is none before the end."""
        try:
            found = next((each for each in self._times(moment) if each > moment), None)
        except OverflowError:
            return None  # an interval of more than all time
        return _before(found, self.end)

    def _times(self, moment: float) -> Iterator[float]:
        """Yield times in order, from one that is not after the first due time on."""
        if self.frequency in {"minute", "hour"}:
            step = self.interval * (60 if self.frequency == "minute" else 3600)
            passed = max(0, int((moment - self.start) // step))
            for number in range(passed, passed + 3):
                yield self.start + number * step
            return
        zone = zone_of(self.time_zone)
        first = datetime.fromtimestamp(self.start, zone)
        latest = datetime.fromtimestamp(max(self.start, moment), zone).date()
        for day in self._days(first.date(), latest):
            for at in self._of_day(first, day, zone):
                if at >= self.start:
                    yield at

    def _days(self, first: date, latest: date) -> Iterator[date]:
        """Yield the days in order, from one that is not after ``latest`` on."""
        try:
            match self.frequency:
                case "day":
                    passed = (latest - first).days // self.interval
                    for number in count(passed):
                        yield first + timedelta(days=number * self.interval)
                case "week":
                    yield from self._days_of_weeks(first, latest)
                case _:
                    yield from self._days_of_months(first, latest)
        except OverflowError:
            return  # after the last day of the calendar

    def _days_of_weeks(self, first: date, latest: date) -> Iterator[date]:
        monday = first - timedelta(days=first.weekday())
        named = self.week_days or (WEEK_DAYS[first.weekday()],)
        for number in count((latest - monday).days // (7 * self.interval)):
            week = monday + timedelta(weeks=number * self.interval)
            for place in sorted({WEEK_DAYS.index(each) for each in named}):
                yield week + timedelta(days=place)

    def _days_of_months(self, first: date, latest: date) -> Iterator[date]:
        months = (latest.year - first.year) * _MONTHS + latest.month - first.month
        passed = months // self.interval
        for number in range(passed, passed + _CALENDAR):
            years, month = divmod(first.month - 1 + number * self.interval, _MONTHS)
            year = first.year + years
            if year not in _YEARS:
                return
            longest = calendar.monthrange(year, month + 1)[1]
            for day in sorted(set(self.month_days or (first.day,))):
                if day <= longest:
                    yield date(year, month + 1, day)

    @property
    def times_of_day(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The hours and the minutes at which it is due: those given, else those of its start."""
        return self._at(datetime.fromtimestamp(self.start, zone_of(self.time_zone)))

    def _at(self, first: datetime) -> tuple[tuple[int, ...], tuple[int, ...]]:
        if not self.hours and not self.minutes:
            return (first.hour,), (first.minute,)
        return self.hours or (0,), self.minutes or (0,)

    def _of_day(self, first: datetime, day: date, zone: tzinfo) -> Iterator[float]:
        hours, minutes = self._at(first)
        for hour in sorted(hours):
            for minute in sorted(minutes):
                at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                yield at.timestamp()


@dataclass(frozen=True, slots=True)
class Cron:
    """Times of a cron expression of five fields."""

    expression: str
    start: float = 0.0
    time_zone: str = "UTC"
    end: float | None = None

    def problems(self) -> list[str]:
        """Return everything that is wrong with it."""
        croniter = load("croniter:croniter", extra="pipelines")
        valid = len(self.expression.split()) == _FIELDS and croniter.is_valid(self.expression)
        return [] if valid else [f"{self.expression!r} is not a cron expression of five fields."]

    def next_after(self, moment: float) -> float | None:
        """Return the first time after ``moment``, ``None`` if there is none before the end."""
        croniter = load("croniter:croniter", extra="pipelines")
        base = datetime.fromtimestamp(max(moment, self.start), zone_of(self.time_zone))
        try:
            found: float = croniter(self.expression, base).get_next(datetime).timestamp()
        except (ValueError, OverflowError):
            return None  # such as the 30th of February
        return _before(found, self.end)

    @property
    def month(self) -> str:
        """The field of the months."""
        return self.expression.split()[3]


@dataclass(frozen=True, slots=True)
class DataChange:
    """A change of the files at a path of a datastore, looked at every ``minutes``.

    As in Azure ML, files in folders below it do not count.
    """

    datastore: str | None
    path: str = ""
    minutes: int = 5

    def problems(self) -> list[str]:
        """Return everything that is wrong with it."""
        return [] if self.minutes >= 1 else ["polling_interval is at least 1 minute."]

    def next_after(self, moment: float) -> float | None:
        """Return when the data is looked at again."""
        return moment + 60 * self.minutes


Trigger = Recurrence | Cron | DataChange


def _before(moment: float | None, end: float | None) -> float | None:
    """Return a time that is neither after the end nor after all that a calendar has."""
    is_late = moment is not None and moment > min(_LAST, _LAST if end is None else end)
    return None if is_late else moment


def trigger_text(trigger: Trigger) -> str:
    """Return a trigger as a person says it."""
    match trigger:
        case Cron():
            return f"cron {trigger.expression} ({trigger.time_zone})"
        case DataChange():
            return f"change of {trigger.datastore or 'the default datastore'}/{trigger.path}"
        case Recurrence():
            ending = "s" if trigger.interval > 1 else ""
            every = f"{trigger.interval} " if trigger.interval > 1 else ""
            return f"every {every}{trigger.frequency}{ending}"


def zone_of(name: str) -> tzinfo:
    """Return a time zone by Azure's name or IANA's. Raises ``UsageError`` for another."""
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(WINDOWS_ZONES.get(name, name))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UsageError(
            f"There is no time zone {name!r}.",
            remedy=nearest(name, dict.fromkeys(WINDOWS_ZONES), noun="time zone"),
        ) from error


def moment_of(text: str, time_zone: str = "UTC") -> float:
    """Return a time in ISO 8601 as seconds since the epoch. Raises ``UsageError``."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not a time.", remedy="Write it as 2026-05-31T08:00:00."
        ) from error
    if found.year not in _YEARS:
        raise UsageError(
            f"{text!r} is not in the years {_YEARS.start} to {_YEARS.stop - 1}.",
            remedy="Correct the year.",
        )
    zoned = found if found.tzinfo else found.replace(tzinfo=zone_of(time_zone))
    return zoned.timestamp()


def never_due(trigger: Trigger, now: float) -> str:
    """Return why a trigger that has no problem starts nothing, ``""`` if it does."""
    if trigger.next_after(now) is not None:
        return ""
    end = None if isinstance(trigger, DataChange) else trigger.end
    if end is not None and end <= now:
        return "end_time is in the past."
    return "It is never due: no day has these times, or the first is after end_time."


def first_due(trigger: Trigger, now: float) -> float:
    """Return when a new trigger is due first.

    Raises ``UsageError`` with everything that is wrong with it, and for one that is never due.
    """
    why = never_due(checked(trigger), now)
    found = trigger.next_after(now)
    if found is None:
        raise UsageError(why, remedy="Correct the trigger of the schedule.")
    return found


def checked(trigger: Trigger) -> Trigger:
    """Return a trigger. Raises ``UsageError`` with everything that is wrong with it."""
    problems = trigger.problems()
    if problems:
        raise UsageError(" ".join(problems), remedy="Correct the trigger of the schedule.")
    if not isinstance(trigger, DataChange):
        zone_of(trigger.time_zone)
    return trigger
