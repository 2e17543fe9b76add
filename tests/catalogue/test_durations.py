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


def test_a_month_in_seconds_is_a_duration() -> None:
    assert seconds_only(30 * 86_400) == "PT2592000S"
    assert duration_s(seconds_only(30 * 86_400)) == 30 * 86_400
