"""When a schedule is due: a recurrence, a cron expression, or a change of data. Pure.

Azure ML's words and rules: a recurrence counts from its start, ``hours`` and ``minutes`` are the
times of a day, ``week_days`` go with weeks and ``month_days`` with months.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from infra.contract.errors import UsageError
from infra.contract.load import load, nearest
from runtime.pipelines.windows_zones import WINDOWS_ZONES

FREQUENCIES: Final = ("minute", "hour", "day", "week", "month")
WEEK_DAYS: Final = (
    *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
)
_LONGEST_SEARCH: Final = 5000
_HOURS, _MINUTES, _FIELDS = range(24), range(60), 5


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
            (all(each in WEEK_DAYS for each in self.week_days),
             f"week_days are among {', '.join(WEEK_DAYS)}."),
            (not self.hours or self.frequency in {"day", "week", "month"},
             "hours go with days, weeks and months."),
        )  # fmt: skip
        return [text for holds, text in rows if not holds]

    def next_after(self, moment: float) -> float | None:
        """Return the first time after ``moment``, ``None`` after the end."""
        found = next((each for each in self._times(moment) if each > moment), None)
        return None if found is None or (self.end is not None and found > self.end) else found

    def _times(self, moment: float) -> Iterator[float]:
        """Yield times in order, from one that is not after the first due time on."""
        if self.frequency in {"minute", "hour"}:
            step = self.interval * (60 if self.frequency == "minute" else 3600)
            count = max(0, int((moment - self.start) // step))
            for number in range(count, count + 3):
                yield self.start + number * step
            return
        zone = zone_of(self.time_zone)
        first = datetime.fromtimestamp(self.start, zone)
        day = datetime.fromtimestamp(max(self.start, moment), zone) - timedelta(days=1)
        for _ in range(_LONGEST_SEARCH):
            if self._falls_on(first, day):
                for at in self._of_day(first, day, zone):
                    if at >= self.start:
                        yield at
            day += timedelta(days=1)

    def _falls_on(self, first: datetime, day: datetime) -> bool:
        days = (day.date() - first.date()).days
        if days < 0:
            return False
        match self.frequency:
            case "day":
                return days % self.interval == 0
            case "week":
                weeks = (days + first.weekday()) // 7
                named = self.week_days or (WEEK_DAYS[first.weekday()],)
                return weeks % self.interval == 0 and WEEK_DAYS[day.weekday()] in named
        months = (day.year - first.year) * 12 + day.month - first.month
        return months % self.interval == 0 and day.day in (self.month_days or (first.day,))

    def _of_day(self, first: datetime, day: datetime, zone: tzinfo) -> Iterator[float]:
        hours = self.hours or ((first.hour,) if not self.minutes else (0,))
        minutes = self.minutes or ((first.minute,) if not self.hours else (0,))
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
        """Return the first time after ``moment``, ``None`` after the end."""
        croniter = load("croniter:croniter", extra="pipelines")
        base = datetime.fromtimestamp(max(moment, self.start), zone_of(self.time_zone))
        found: float = croniter(self.expression, base).get_next(datetime).timestamp()
        return None if self.end is not None and found > self.end else found


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
    zoned = found if found.tzinfo else found.replace(tzinfo=zone_of(time_zone))
    return zoned.timestamp()


def checked(trigger: Trigger) -> Trigger:
    """Return a trigger. Raises ``UsageError`` with everything that is wrong with it."""
    problems = trigger.problems()
    if problems:
        raise UsageError(" ".join(problems), remedy="Correct the trigger of the schedule.")
    if not isinstance(trigger, DataChange):
        zone_of(trigger.time_zone)
    return trigger
