"""The pages of schedules, environments and locks, and models."""

import html
import json

import pytest

from runtime.agent.assets.model import Model
from runtime.api.environment import Environment
from runtime.api.workspace import Workspace
from runtime.environments.builders import LOCK_FILE
from runtime.environments.cache import RECORD
from runtime.environments.lock_store import FOLDER as LOCKS
from runtime.environments.lock_store import LockStore
from runtime.environments.resolved import ResolvedLock
from runtime.history.store import History
from runtime.model.environments import LOCK_PROPERTY
from runtime.pipelines.schedules import SCHEDULE_PROPERTY, Schedule, Schedules
from runtime.pipelines.triggers import Cron, DataChange
from runtime.submit.session import open_session
from tests.localcloud.harness import SUB, connect, make_workspace
from tests.studio.conftest import record, served

EVIL = "<script>alert(1)</script>"
LOCK = ResolvedLock("# aml lock 1\n# python: 3.11.9\nnumpy==2.1.0\npandas==2.2.0\n")
WORK = {
    "pipeline": {
        "steps": [{"name": "train", "run": {"target": "cpu", "variables": "hidden-value"}}]
    }
}


def schedule(desk, name="nightly", **fields):
    given = {"trigger": Cron("0 6 * * *"), "stack": "local", "work": WORK, "next": 2e9}
    Schedules(desk.home).write(Schedule(name, **(given | fields)))


@pytest.fixture
def inside(desk):
    desk.enter()
    return desk


# --- schedules


def test_a_schedule_is_listed_with_what_it_started(inside):
    started = {SCHEDULE_PROPERTY: "nightly"}
    inside.history.add(record(5, properties=started, display_name="made by it"))
    inside.history.add(record(6, tags={"note": "nightly"}, display_name="only called so"))
    schedule(inside, last_run="run5")
    listed = inside.client.get("/schedules").text
    for text in ("cron 0 6 * * * (UTC)", "Enabled", 'href="/runs/run5"', "Start the local cloud"):
        assert text in listed
    page = inside.client.get("/schedules/nightly").text
    assert "made by it" in page
    assert "only called so" not in page
    assert "train" in page
    assert "hidden-value" not in page


def test_a_schedule_is_disabled_enabled_and_deleted(inside):
    schedule(inside)
    for verb, is_enabled in (("disable", False), ("enable", True)):
        assert inside.post(f"/schedules/nightly/{verb}").status_code == 303
        assert Schedules(inside.home).read("nightly").enabled is is_enabled
    inside.post("/schedules/nightly/delete")
    assert Schedules(inside.home).names() == []


def test_why_a_schedule_started_nothing_is_text(inside):
    schedule(inside, trigger=DataChange(EVIL, EVIL), problem=EVIL, description=EVIL)
    for path in ("/schedules", "/schedules/nightly"):
        text = inside.client.get(path).text
        assert EVIL not in text
        assert "&lt;script&gt;alert" in text


def test_an_unknown_schedule_names_the_nearest(inside):
    schedule(inside)
    answer = inside.client.get("/schedules/nightli")
    assert answer.status_code == 404
    assert "nightly" in answer.text


# --- environments


@pytest.fixture
def built(inside):
    """A built environment whose lock a run used."""
    folder = inside.home / "environments" / "abcdef0123456789"
    folder.mkdir(parents=True)
    document = {"hash": "h", "python": "3.11", "size": 2048, "built": 1.0, "source": EVIL}
    (folder / RECORD).write_text(json.dumps(document | {"requirements": ["numpy"]}))
    (folder / LOCK_FILE).write_text(LOCK.text)
    inside.history.add(record(7, properties={LOCK_PROPERTY: LOCK.digest}, display_name="user"))
    return inside


def test_built_environments_are_listed_and_shown(built):
    listed = built.client.get("/environments").text
    assert "abcdef012345" in listed
    assert "3.11.9" in listed
    assert EVIL not in listed
    page = built.client.get("/environments/built/abcdef").text
    for text in ("numpy", "2.1.0", "2.0 KiB", 'href="/runs/run7"', LOCK.digest):
        assert text in page


def test_a_built_environment_is_removed(built):
    built.post("/environments/built/abcdef0123456789/delete")
    assert "No environments are built" in built.client.get("/environments").text


def test_a_lock_is_shown_and_sent_also_when_nothing_is_built(inside):
    LockStore(inside.home / LOCKS).keep(LOCK)
    address = f"/environments/locks/{LOCK.digest}"
    assert "pandas" in inside.client.get(address).text
    sent = inside.client.get(f"{address}?as=file")
    assert sent.text == LOCK.text
    assert "attachment" in sent.headers["content-disposition"]


@pytest.mark.parametrize("name", ["..%2f..%2fsecret", "0" * 64, "secret"])
def test_a_lock_that_is_not_here_is_not_found(inside, name):
    assert inside.client.get(f"/environments/locks/{name}").status_code == 404


@pytest.mark.parametrize("path", ["/models", "/environments/registered"])
def test_without_a_workspace_a_page_says_what_to_do(inside, path):
    page = inside.client.get(path)
    assert page.status_code == 200
    assert "Plan a deployment" in page.text
    assert "manifest" not in page.text


# --- what the workspace has


@pytest.fixture(scope="module")
def deployed(aml_home, local_cloud):
    """The home of a local cloud, with a workspace, as a stack's manifest names it."""
    with connect(aml_home) as cloud:
        made = make_workspace(cloud.arm, f"{SUB}/resourceGroups/studio")
    name = made.rpartition("/")[2]
    manifest = {
        "version": 1, "project": "demo", "stack": "local", "cloud": "local", "targets": {},
        "workspace": {"id": made, "name": name, "location": "westeurope"},
    }  # fmt: skip
    file = aml_home / "manifests" / "local.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(manifest), encoding="utf-8")
    return aml_home


@pytest.fixture(scope="module")
def registered(deployed, tmp_path_factory):
    """A model and an environment of the workspace."""
    folder = tmp_path_factory.mktemp("model") / "weights"
    folder.mkdir()
    (folder / "w.txt").write_text("weights of the model", encoding="utf-8")
    session = open_session("local", deployed / "manifests" / "local.json", deployed)
    workspace = Workspace(session)
    tags = {"team": EVIL}
    Model.register(workspace, str(folder), "fox", tags=tags, description="a small model")
    declared = Environment("trees")
    declared.environment_variables = {"TOKEN": "hidden-value"}
    declared.register(workspace)
    session.close()
    return deployed


@pytest.fixture(scope="module")
def at_work(registered):
    history = History(registered / "history.sqlite")
    with served(registered, history) as made:
        made.enter()
        yield made
    history.close()


def test_models_are_listed_shown_and_downloaded(at_work):
    listed = at_work.client.get("/models").text
    assert 'href="/models/fox/1"' in listed
    assert EVIL not in listed
    page = at_work.client.get("/models/fox/1").text
    assert "a small model" in page
    assert "not on this machine" in page
    assert at_work.post("/models/fox/1/download").status_code == 303
    assert "weights/w.txt" in at_work.client.get("/models/fox/1").text
    sent = at_work.client.get("/models/fox/1/files/weights/w.txt")
    assert sent.text == "weights of the model"
    assert "attachment" in sent.headers["content-disposition"]


@pytest.mark.parametrize(
    "path",
    ["nothing/1", "fox/9", "fox/1/files/..%2f..%2f..%2fhistory.sqlite", "fox/1/files/none"],
)
def test_models_and_files_that_are_not_there_are_not_found(at_work, path):
    assert at_work.client.get(f"/models/{path}").status_code == 404


@pytest.mark.parametrize(
    ("path", "said", "back"),
    [
        ("/models/fox/9", "The workspace has no version '9' of a model 'fox'.", "All models"),
        ("/environments/registered/none", "Use one of: ", "All registered environments"),
        ("/environments/registered/trees?version=9", "Use one of: 1.", "All registered"),
    ],
)
def test_what_the_workspace_does_not_have_is_said_for_a_browser(at_work, path, said, back):
    answer = at_work.client.get(path)
    text = html.unescape(answer.text)
    assert answer.status_code == 404
    assert "<h1>Unknown name</h1>" in text
    assert said in text
    assert f">{back}" in text
    assert "the line that raised it" not in text


@pytest.mark.filterwarnings("ignore:AzureML-Minimal is an environment of Azure")
def test_registered_environments_come_before_curated_ones_which_have_no_version(at_work):
    page = at_work.client.get("/environments/registered").text
    assert page.index(">trees<") < page.index(">AzureML-Minimal<")
    curated = at_work.client.get("/environments/registered/AzureML-Minimal").text
    assert "<dt>Curated</dt>" in curated
    assert "<dd>None</dd>" not in curated
    assert "<td>None</td>" not in page


def test_environments_of_the_workspace_are_shown_without_their_values(at_work):
    assert "trees" in at_work.client.get("/environments/registered").text
    page = at_work.client.get("/environments/registered/trees").text
    assert "TOKEN" in page
    assert "hidden-value" not in page
