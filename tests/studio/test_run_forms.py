"""What the forms of a run's page do, and the page that deletes several."""

import re

import pytest

from runtime.model.pipelines import NATIVE_PROPERTY
from runtime.model.runs import RunEvent, SourceSnapshot
from runtime.model.states import RunState
from runtime.snapshots.store import SnapshotStore
from runtime.submit.prepare import SNAPSHOT_PROPERTY
from runtime.sweeps.observed import TEMPLATE
from runtime.targets.base import DRIVEN
from tests.studio.conftest import record

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def inside(desk):
    desk.enter()
    return desk


def taken(desk, **files) -> SourceSnapshot:
    source = desk.home / "source"
    source.mkdir(parents=True)
    for name, text in files.items():
        (source / f"{name}.py").write_text(text, encoding="utf-8")
    return SnapshotStore(desk.home / "snapshots").take(source).snapshot


def test_the_files_of_a_snapshot_are_shown_and_sent(inside):
    made = taken(inside, train=f"print({EVIL!r})\n")
    inside.history.add(record(2, properties={SNAPSHOT_PROPERTY: made.id}))
    address = "/runs/run2/snapshot/train.py"
    assert f'href="{address}"' in inside.client.get("/runs/run2").text
    page = inside.client.get(address).text
    assert "print(" in page
    assert EVIL not in page
    sent = inside.client.get(f"{address}?as=file")
    assert EVIL in sent.text
    assert sent.headers["content-disposition"] == 'attachment; filename="train.py"'


@pytest.mark.parametrize("name", ["other.py", "..%2f..%2fsecret.txt", "/etc/passwd"])
def test_only_files_of_the_snapshot_are_shown(inside, name):
    made = taken(inside, train="1\n")
    inside.history.add(record(2, properties={SNAPSHOT_PROPERTY: made.id}))
    assert inside.client.get(f"/runs/run2/snapshot/{name}").status_code == 404


def test_what_a_run_logged_is_text(inside):
    metric = {"key": EVIL, "type": "table", "value": {EVIL: [EVIL]}}
    inside.history.append("run1", [RunEvent(1, 1.0, "metric", metric)])
    text = inside.client.get("/runs/run1").text
    assert EVIL not in text
    assert "<td>&lt;script&gt;alert(1)&lt;/script&gt;</td>" in text


def test_a_run_is_deleted_once_it_has_ended(inside):
    inside.history.add(record(2, state=RunState.RUNNING, ended=None))
    answer = inside.post("/runs/run2/delete")
    assert answer.status_code == 400
    assert "Cancel it first" in answer.text
    assert inside.post("/runs/run1/delete").headers["location"] == "/"
    assert inside.client.get("/runs/run1").status_code == 404
    assert inside.history.has("run2")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        pytest.param({"handle": DRIVEN}, "what it was given is not kept here", id="pruned"),
        pytest.param({"properties": TEMPLATE}, "Azure ML drives run run2", id="native sweep"),
        pytest.param({"properties": {NATIVE_PROPERTY: "true"}}, "Azure ML drives", id="native"),
    ],
)
def test_what_cannot_run_again_is_not_offered_and_refused(inside, fields, says):
    made = taken(inside, train="1\n")
    properties = {SNAPSHOT_PROPERTY: made.id, **fields.pop("properties", {})}
    inside.history.add(record(2, properties=properties, **fields))
    inside.history.add(record(3, properties={SNAPSHOT_PROPERTY: made.id}))
    assert "Run it again" not in inside.client.get("/runs/run2").text
    assert "Run it again" in inside.client.get("/runs/run3").text
    answer = inside.post("/runs/run2/rerun")
    assert answer.status_code == 400
    assert says in answer.text


def planned(desk, query):
    page = desk.client.get(f"/prune?{query}").text
    shown = re.search(r'name="shown" value="(\w*)"', page)
    return page, shown[1] if shown else ""


def test_runs_are_deleted_after_they_were_shown(inside):
    inside.history.add(record(2, state=RunState.FAILED, experiment="other"))
    page, shown = planned(inside, "state=Failed")
    assert "run2" in page
    assert "Delete this run" in page
    assert inside.history.has("run2")
    assert "Deleted 1 run." in inside.post("/prune", state="Failed", shown=shown).text
    assert not inside.history.has("run2")
    assert inside.history.has("run1")


def test_nothing_is_deleted_but_what_was_shown(inside):
    _, shown = planned(inside, "keep=0")
    inside.history.add(record(2))
    answer = inside.post("/prune", keep="0", shown=shown)
    assert "look again" in answer.text
    assert inside.history.has("run1")
    assert inside.history.has("run2")


@pytest.mark.parametrize(
    "query", ["", "days=&keep=&mib=&state=&experiment=", "days=x&state=Running"]
)
def test_nothing_is_meant_without_a_condition(inside, query):
    page, shown = planned(inside, query)
    assert "nothing is chosen yet" in page
    assert shown == ""
    inside.post("/prune")
    assert inside.history.has("run1")
