"""Times as people and as programs read them."""

import time

import pytest

from infra.contract.times import as_local, local_text, utc_text

MOMENT = 1_795_725_342.5


@pytest.fixture(autouse=True)
def _in_berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_people_read_a_local_time_to_the_minute():
    assert (local_text(MOMENT), local_text(None)) == ("2026-11-26 21:35", "")


def test_programs_read_iso_8601_in_utc():
    assert (utc_text(MOMENT), utc_text(None)) == ("2026-11-26T20:35:42+00:00", None)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-26T20:35:42.175201521Z", "2026-11-26 21:35"),
        ("2026-11-26T20:35:42+00:00", "2026-11-26 21:35"),
        ("2026-11-26T20:35:42", "2026-11-26 21:35"),
        ("some day", "some day"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_stored_time_is_shown_as_a_local_one(text, shown):
    assert as_local(text) == shown
