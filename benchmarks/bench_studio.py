"""Open the studio's table of 100,000 runs, page, sort and filter it, and that of ten.

The peer is the same page with ten runs. Half of the runs are trials of sweeps. The first paint is
Chromium's own measure, the others are the seconds until the whole page is there, and in brackets
the processor's time for it, which other work on the machine does not lengthen.
"""

import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

from runtime.history.store import History
from runtime.model.runs import RunEvent, RunRecord
from runtime.model.states import RunState
from runtime.studio.server import Studio
from runtime.submit.session import ProjectSession
from runtime.targets.finding import Targets

FEW, MANY = 10, 100_000
ROUNDS = 5
PATHS = {
    "newest": "/",
    "with trials": "/?parts=1",
    "last page": "/?parts=1&page=2000",
    "sorted by metric": "/?sort=metric.rmse&order=asc&column=metric.rmse",
    "worst metric first": "/?sort=metric.rmse&parts=1",
    "sorted by parameter": "/?sort=param.lr",
    "sorted by duration": "/?sort=duration&order=asc",
    "sorted by state": "/?sort=status",
    "filtered": "/?filter=metrics.rmse+%3C+0.01",
    "most are left": "/?filter=metrics.rmse+%3E+0.01+and+params.lr+!%3D+'3'",
    "filtered and sorted": "/?filter=params.lr+%3D+'3'&sort=metric.rmse",
    "searched": "/?text=run999",
}
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def filled(home: Path, runs: int) -> History:
    history = History(home / "history.sqlite")
    for number in range(runs):
        history.add(
            RunRecord(
                run_id=f"run{number}",
                experiment=f"experiment{number % 50}",
                target="local",
                state=RunState.COMPLETED,
                created=float(number),
                ended=number + 60.0,
                metrics={"rmse": number / runs},
                params={"lr": str(number % 7)},
            )
        )
        if number % 2:
            data = {"run": f"run{number}", "parent": f"run{number - 1}"}
            history.append(f"run{number - 1}", [RunEvent(0, 1.0, "child", data)])
    return history


def seconds(client: httpx.Client, path: str) -> tuple[float, float]:
    taken, used = [], []
    for _ in range(ROUNDS):
        began, begun = time.perf_counter(), time.process_time()
        client.get(path).raise_for_status()
        taken.append(time.perf_counter() - began)
        used.append(time.process_time() - begun)
    return statistics.median(taken), statistics.median(used)


def painted(page: Page, address: str) -> tuple[float, float]:
    taken, used = [], []
    for _ in range(ROUNDS):
        begun = time.process_time()
        page.goto(address)
        # Asked for again and again: the page's policy forbids what waits for a text of script.
        while not (milliseconds := page.evaluate(PAINT)):
            page.wait_for_timeout(5)
        taken.append(float(milliseconds) / 1000)
        used.append(time.process_time() - begun)
    return statistics.median(taken), statistics.median(used)


def measured(home: Path, runs: int) -> dict[str, tuple[float, float]]:
    history = filled(home, runs)
    session = ProjectSession(home, "local", history, Targets(home, home / "none.json", "local"))
    studio = Studio(session, session)
    serving = threading.Thread(target=studio.serve)
    serving.start()
    with httpx.Client(base_url=studio.address, trust_env=False, timeout=60) as client:
        client.get(studio.link())
        found = {name: seconds(client, path) for name, path in PATHS.items()}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.goto(studio.link())
        found["first paint"] = painted(page, studio.address)
        browser.close()
    studio.stop()
    serving.join()
    history.close()
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        few, many = (measured(Path(top, str(runs)), runs) for runs in (FEW, MANY))
    for name, (taken, used) in many.items():
        peer = "{:.3f} s ({:.3f} s)".format(*few[name])
        print(f"{name:20} {FEW} runs {peer}   {MANY:,} runs {taken:.3f} s ({used:.3f} s)")


if __name__ == "__main__":
    main()
