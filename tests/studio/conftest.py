"""A studio on a project with runs: in a thread, and as a process that Chromium looks at."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright

from runtime.history.store import History
from runtime.model.runs import RunEvent, RunRecord
from runtime.model.states import RunState
from runtime.studio.access import Access
from runtime.studio.server import Studio
from runtime.submit.session import ProjectSession
from runtime.targets.finding import Targets
from tests import processes
from tests.missing_parts import missing

AML = Path(sys.executable).with_name("aml")
SWITCHES = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")
APART = 'Blocked a frame with origin "null"'
"""What a page of a run's, which runs apart, is told when it reaches for the studio's."""
TRAIN = """\
import os, sys, time
import mlflow
pause = float(sys.argv[1])
mlflow.log_param("alpha", sys.argv[2])
for step in range(20):
    mlflow.log_metric("rmse", 10 / (step + 1), step=step)
    print("epoch", step, "<b>not bold</b>", flush=True)
    time.sleep(pause)
os.makedirs("outputs", exist_ok=True)
with open("outputs/report.html", "w") as page:
    page.write("<script>parent.document.title = 'owned'; document.title = 'ran'</script>report")
with open("outputs/table.csv", "w") as table:
    table.write("name,value\\n<i>a</i>,1\\n")
"""


def record(number, **fields):
    base = {
        "run_id": f"run{number}",
        "experiment": "exp",
        "target": "local",
        "state": RunState.COMPLETED,
        "created": 1_700_000_000.0 + number,
        "ended": 1_700_000_010.0 + number,
    }
    return RunRecord(**(base | fields))


@pytest.fixture
def history(tmp_path):
    made = History(tmp_path / ".aml" / "history.sqlite")
    yield made
    made.close()


@pytest.fixture
def desk(tmp_path, history):
    """A studio with one run, whose names and values are markup."""
    evil = "<script>alert(1)</script>"
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    (outputs / "a.html").write_text("<script>1</script>", encoding="utf-8")
    (outputs / "b.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    (outputs / "link.txt").symlink_to(tmp_path / "secret.txt")
    fields = {"tags": {evil: evil}, "params": {evil: evil}, "error": evil, "description": evil}
    history.add(record(1, display_name=evil, outputs=str(outputs), **fields))
    history.append("run1", [RunEvent(0, 1.0, "metric", {"key": evil, "value": 1.0, "step": 0})])
    with served(tmp_path / ".aml", history) as made:
        yield made


@contextmanager
def served(home, history):
    """Serve the studio of a home folder from a thread."""
    manifest = home / "manifests" / "local.json"
    session = ProjectSession(home, "local", history, Targets(home, manifest, "local"))
    studio = Studio(session, session)
    serving = threading.Thread(target=studio.serve)
    serving.start()
    try:
        with httpx.Client(base_url=studio.address, trust_env=False, timeout=60) as client:
            yield Desk(client, studio.access, history, home)
    finally:
        studio.stop()
        serving.join()


@dataclass
class Desk:
    """A client of a studio, and what the studio keeps."""

    client: httpx.Client
    access: Access
    history: History
    home: Path

    def enter(self):
        token = self.access.new_link()
        return self.client.get("/enter", params={"token": token}, follow_redirects=False)

    def own(self):
        """Return the headers of a form that the studio made."""
        return {"Origin": str(self.client.base_url).rstrip("/")}

    def post(self, path, **fields):
        """Send a form of the studio's own."""
        return self.client.post(path, data=self.form(**fields), headers=self.own())

    def form(self, **fields):
        session = next(iter(self.client.cookies.values()))
        return {"form_token": self.access.form_token(session), **fields}


@dataclass
class Project:
    """A project whose studio runs as a process."""

    root: Path
    environ: dict[str, str]

    def aml(self, *arguments, check=True):
        return subprocess.run(
            [AML, *arguments], cwd=self.root, env=self.environ, capture_output=True, text=True,
            check=check, timeout=120,
        )  # fmt: skip

    def ended(self, run_id):
        """Wait until a run has ended, well or not."""
        self.aml("run", "logs", "--follow", run_id, check=False)

    def link(self):
        return self.aml("studio", "--no-browser").stdout.strip()


@pytest.fixture(scope="module")
def project(started):
    """A project with two runs that have ended, and its studio."""
    for alpha in ("0.5", "0.7"):
        started.aml("submit", "train.py", "0", alpha)
    return started


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """A project that has no runs yet, and its studio."""
    root = tmp_path_factory.mktemp("project")
    (root / "train.py").write_text(TRAIN, encoding="utf-8")
    environ = {**os.environ, "AML_HOME": str(root / ".aml")}
    made = Project(root, environ)
    studio = processes.start(
        [AML, "studio", "--no-browser"], cwd=root, env=environ, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert "/enter?token=" in studio.stdout.readline()
    file, deadline = root / ".aml" / "studio.json", time.monotonic() + 30
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    yield made
    studio.send_signal(signal.SIGTERM)
    studio.communicate(timeout=30)
    assert not file.exists()


@pytest.fixture(scope="module")
def chromium():
    binary = shutil.which("chromium")
    if binary is None:
        missing("Chromium is not installed: `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=list(SWITCHES))
        yield browser
        browser.close()


def complaints(page):
    """Return what the browser's console says against the pages of a tab, filled as they come."""
    found = []
    page.on(
        "console",
        lambda said: said.type in {"error", "warning"} and found.append((page.url, said.text)),
    )
    page.on("pageerror", lambda error: found.append((page.url, str(error))))
    return found


@pytest.fixture
def page(chromium, started):
    """A tab of a new session, which fails the test if a script of the studio does."""
    context = chromium.new_context()
    tab, errors = context.new_page(), []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(started.link())
    yield tab
    context.close()
    assert [error for error in errors if APART not in error] == []
