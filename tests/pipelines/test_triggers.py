"""When schedules are due, by Azure ML's rules."""

from datetime import UTC, datetime, tzinfo

import pytest

from infra.contract.errors import UsageError
from runtime.api.pipelines.time_zones import TimeZone
from runtime.pipelines.triggers import (
    Cron,
    DataChange,
    Recurrence,
    checked,
    first_due,
    moment_of,
    zone_of,
)
from runtime.pipelines.windows_zones import WINDOWS_ZONES


def at(text):
    return moment_of(text)


def times(trigger, after, count=3):
    found, moment = [], at(after)
    for _ in range(count):
        moment = trigger.next_after(moment)
        if moment is None:
            break
        found.append(datetime.fromtimestamp(moment, UTC).strftime("%m-%d %H:%M"))
    return found


START = "2026-01-05T06:30:00"  # a Monday


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"frequency": "minute", "interval": 15}, ["01-05 07:15", "01-05 07:30", "01-05 07:45"]),
        ({"frequency": "hour", "interval": 2}, ["01-05 08:30", "01-05 10:30", "01-05 12:30"]),
        ({"frequency": "day", "interval": 2}, ["01-07 06:30", "01-09 06:30", "01-11 06:30"]),
        (
            {"frequency": "day", "interval": 1, "hours": (4, 10), "minutes": (0, 30)},
            ["01-05 10:00", "01-05 10:30", "01-06 04:00"],
        ),
        (
            {"frequency": "week", "interval": 2, "week_days": ("monday", "friday"), "hours": (9,)},
            ["01-05 09:00", "01-09 09:00", "01-19 09:00"],
        ),
        ({"frequency": "week", "interval": 1}, ["01-12 06:30", "01-19 06:30", "01-26 06:30"]),
        (
            {"frequency": "month", "interval": 1, "month_days": (1, 31), "hours": (0,)},
            ["01-31 00:00", "02-01 00:00", "03-01 00:00"],
        ),
        (
            {"frequency": "day", "interval": 1, "time_zone": "Tokyo Standard Time", "hours": (8,)},
            ["01-05 23:00", "01-06 23:00", "01-07 23:00"],
        ),
    ],
)
def test_a_recurrence_counts_from_its_start(given, expected):
    trigger = checked(Recurrence(start=at(START), **given))
    assert times(trigger, "2026-01-05T07:00:00") == expected


def test_a_recurrence_begins_at_its_start_and_ends_at_its_end():
    trigger = Recurrence("day", 1, at(START), end=at("2026-01-06T06:30:00"))
    assert times(trigger, "2025-12-01T00:00:00", 5) == ["01-05 06:30", "01-06 06:30"]


def test_the_time_of_day_stays_when_the_clocks_change():
    trigger = Recurrence("day", 1, at(START), "W. Europe Standard Time", hours=(8,))
    assert times(trigger, "2026-03-28T00:00:00", 2) == ["03-28 07:00", "03-29 06:00"]


def test_a_cron_expression_is_read_in_its_time_zone():
    trigger = checked(Cron("0 6 * * 1-5", time_zone="Eastern Standard Time"))
    assert times(trigger, "2026-01-09T12:00:00", 2) == ["01-12 11:00", "01-13 11:00"]


def test_data_is_looked_at_after_its_interval():
    assert DataChange("store", minutes=5).next_after(100.0) == 400.0


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        (Recurrence("year", 1, 0.0), "frequency is one of"),
        (Recurrence("day", 0, 0.0), "interval is at least 1"),
        (Recurrence("day", 1, 0.0, week_days=("monday",)), "week_days go with weeks"),
        (Recurrence("week", 1, 0.0, week_days=("moonday",)), "week_days are among"),
        (Recurrence("hour", 1, 0.0, hours=(3,)), "hours go with days"),
        (Recurrence("hour", 1, 0.0, minutes=(30,)), "minutes go with days"),
        (Recurrence("day", 1, 0.0, hours=(24,)), "hours are 0 to 23"),
        (Recurrence("month", 1, 0.0, month_days=(32,)), "month_days are 1 to 31"),
        (Cron("every day"), "not a cron expression"),
        (DataChange("s", minutes=0), "at least 1 minute"),
    ],
)
def test_what_a_trigger_cannot_be_is_named(trigger, said):
    with pytest.raises(UsageError, match=said):
        checked(trigger)


@pytest.mark.parametrize("name", WINDOWS_ZONES)
def test_every_time_zone_of_windows_is_known(name):
    assert isinstance(zone_of(name), tzinfo)


def test_every_time_zone_of_the_sdk_is_one_of_windows():
    assert {zone.value for zone in TimeZone} <= set(WINDOWS_ZONES)
    for zone in TimeZone:
        assert zone.name == "".join(filter(str.isalnum, zone.value))


def test_a_time_zone_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(UsageError) as wrong:
        zone_of("W Europe Standard Time")
    assert "W. Europe Standard Time" in wrong.value.remedy


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        (Cron("0 0 30 2 *"), "never due"),
        (Cron("0 0 1 1 *", end=at("2026-12-31T00:00:00")), "never due"),
        (Recurrence("month", 12, at("2026-02-01T00:00:00"), month_days=(30,)), "never due"),
        (Recurrence("minute", 10**15, 0.0), "never due"),
        (Recurrence("day", 10**30, 0.0), "never due"),
        (Recurrence("hour", 10**400, 0.0), "never due"),
        (Recurrence("day", 1, 0.0, end=at("2026-01-01T00:00:00")), "end_time is in the past"),
    ],
)
def test_a_new_trigger_that_is_never_due_is_refused(trigger, said):
    with pytest.raises(UsageError, match=said):
        first_due(trigger, at("2026-06-01T00:00:00"))


def test_a_day_that_comes_once_in_decades_is_found():
    leap = Recurrence("month", 12 * 28, at("2000-02-29T00:00:00"), month_days=(29,))
    assert first_due(leap, at("2001-01-01T00:00:00")) == at("2028-02-29T00:00:00")


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31T23:59:59"])
def test_a_time_outside_the_calendar_is_refused(text):
    with pytest.raises(UsageError, match="not in the years"):
        moment_of(text, "W. Europe Standard Time")
