"""Files of schedules: everything that is wrong with a trigger has its file and line."""

import pytest

from infra.contract.errors import DefinitionError
from runtime.cli.schedule_triggers import trigger_of
from runtime.definitions.schedule_yaml import read_schedule
from runtime.pipelines.triggers import Cron, Recurrence

RECURRENCE = """\
name: nightly
trigger:
  type: recurrence
  frequency: day
  interval: 2
  time_zone: Europe/Berlin
  start_time: "2026-01-01T03:00:00"
  schedule:
    hours: [3]
    minutes: [30]
create_job: ./pipeline.yml
"""
CRON = 'trigger: {type: cron, expression: "0 3 * * *"}\ncreate_job: ./pipeline.yml\n'


@pytest.fixture
def read(tmp_path):
    (tmp_path / "pipeline.yml").touch()

    def call(text):
        (tmp_path / "schedule.yml").write_text(text)
        return trigger_of(read_schedule(tmp_path / "schedule.yml"))

    return call


def test_a_trigger_is_read(read):
    found = read(RECURRENCE)
    assert isinstance(found, Recurrence)
    assert (found.frequency, found.interval, found.hours, found.minutes) == ("day", 2, (3,), (30,))
    assert isinstance(read(CRON), Cron)


@pytest.mark.parametrize(
    ("text", "old", "new", "said"),
    [
        (CRON, "0 3 * * *", "0 3", "schedule.yml:1: '0 3' is not a cron expression"),
        (RECURRENCE, "frequency: day", "frequency: fortnight", "schedule.yml:4: frequency is one"),
        (RECURRENCE, "interval: 2", "interval: 0", "schedule.yml:5: interval is at least 1"),
        (RECURRENCE, "Europe/Berlin", "Europe/Berlim", "schedule.yml:6: There is no time zone"),
        (RECURRENCE, "2026-01-01T", "tomorrow ", "schedule.yml:7: start_time: 'tomorrow 03"),
        (RECURRENCE, "hours: [3]", "hours: [25]", "schedule.yml:9: hours are 0 to 23"),
        (RECURRENCE, "minutes: [30]", "minutes: [x]", "schedule.yml:10: minutes has 'x', which"),
    ],
)
def test_a_problem_of_a_trigger_has_its_line(read, text, old, new, said):
    with pytest.raises(DefinitionError) as wrong:
        read(text.replace(old, new))
    assert said in f"{wrong.value.at}: {wrong.value.detail}"


def test_every_problem_of_a_schedule_is_named_at_once(read):
    text = RECURRENCE.replace("interval: 2", "interval: 0").replace("Berlin", "Berlim")
    with pytest.raises(DefinitionError) as wrong:
        read(text.replace("./pipeline.yml", "./absent.yml").replace("[30]", "[99]"))
    assert wrong.value.detail.startswith("4 problems:")
