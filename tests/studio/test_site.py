"""What a page knows of a run whose target is gone."""

import json

import pytest

from runtime.model.runs import RunEvent
from tests.studio.conftest import record

STEPS = ("snapshot zip", "environment", "download", "run", "collect")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("databricks", "after the run: Databricks ends the cluster that it made for it"),
        ("livy", "not needed here: the cluster schedules the run on nodes that it has"),
        ("", "not reported by this kind of target"),
    ],
)
def test_a_run_keeps_what_kind_its_target_was(desk, place, said):
    desk.enter()
    desk.history.add(record(2, target="detached"))
    events = [RunEvent(at, float(at), "step", {"step": name}) for at, name in enumerate(STEPS)]
    desk.history.append("run2", events)
    folder = desk.home / "runs" / "run2"
    folder.mkdir(parents=True)
    task = {"place": {"kind": place}} if place else []
    (folder / "run.json").write_text(json.dumps(task), encoding="utf-8")
    page = desk.client.get("/runs/run2").text
    line = page[page.index("<b>scale down</b>") :]
    assert said in line[: line.index("</li>")]


def test_what_a_script_said_stays_and_the_hint_is_for_a_browser(desk):
    desk.enter()
    said = "\x1b[31mValueError\x1b[0m: `x` is wrong, run the command again"
    desk.history.add(record(3, error=f"{said}\nhint: Run `aml up` again."))
    page = desk.client.get("/runs/run3").text
    assert ">ValueError: `x` is wrong, run the command again</pre>" in page
    assert '<p class="problem">Plan a deployment again.</p>' in page


def test_lines_of_a_script_are_no_hint(desk):
    desk.enter()
    desk.history.add(record(4, error="one\nhint: two\nthree"))
    assert ">one\nhint: two\nthree</pre>" in desk.client.get("/runs/run4").text
