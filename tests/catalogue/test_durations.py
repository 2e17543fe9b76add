"""Durations come out in the one form the service answers with."""

import pytest

from infra.catalogue.durations import duration_s, iso_duration, seconds_only


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "PT0S"),
        (5, "PT5S"),
        (120, "PT2M"),
        (90, "PT1M30S"),
        (3_600, "PT1H"),
        (86_400, "P1D"),
        (90_061, "P1DT1H1M1S"),
        (120.0, "PT2M"),
    ],
)
def test_whole_units_the_largest_first(seconds, text):
    assert iso_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("pt2m", 120),
        ("P1dT1h", 90_000),
        ("P2W", 1_209_600),
        ("P1W1D", 691_200),
        ("PT0.5S", 0.5),
        ("PT1M2.25S", 62.25),
        ("PT0S", 0),
    ],
)
def test_a_duration_is_read_in_either_case_with_weeks_and_fractions(text, seconds):
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "P1Y", "P1M", "1h30m", "PT1", "PT1.5H", " PT1S"])
def test_any_other_text_is_no_duration(text):
    assert duration_s(text) is None


def test_a_month_in_seconds_is_a_duration() -> None:
    assert seconds_only(30 * 86_400) == "PT2592000S"
    assert duration_s(seconds_only(30 * 86_400)) == 30 * 86_400
