"""Makes the pictures of the studio in the README: `python -m tests.studio.pictures [FOLDER]`.

A project of its own trains, sweeps and runs a pipeline on this machine; Chromium takes the
pictures. They are the same each time but for times and for what the machine is like.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, sync_playwright

ROOT: Final = Path(__file__).parents[2]
AML: Final = Path(sys.executable).with_name("aml")
MOST_BYTES: Final = 150_000
"""What a picture may have: the README is read over slow lines, too."""
_SIZE: Final = {"width": 1180, "height": 720}

TRAIN: Final = """\
import argparse, math, random, time
import mlflow

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--layers", type=int)
parser.add_argument("--optimizer", default="adam")
given = parser.parse_args()
mlflow.log_params(vars(given))
noise = random.Random(str(given))
floor = 0.15 + 0.3 * abs(math.log10(given.lr) + 1.5) + 0.2 / given.layers
floor += 0.1 * (given.optimizer == "sgd")
for epoch in range(40):
    loss = floor + 2 * math.exp(-epoch * (0.06 + given.lr)) + 0.04 * noise.random()
    mlflow.log_metrics({"loss": loss, "accuracy": 1 - loss / 4}, step=epoch)
    print(f"epoch {epoch:2d}  loss {loss:.4f}", flush=True)
    time.sleep(0.03)
"""
SWEEP: Final = """\
type: sweep
compute: local
display_name: tuning
trial:
  code: .
  command: >-
    python train.py --lr ${{search_space.lr}} --layers ${{search_space.layers}}
    --optimizer ${{search_space.optimizer}}
sampling_algorithm: random
search_space:
  lr: {type: loguniform, min_value: -7, max_value: -0.7}
  layers: {type: choice, values: [1, 2, 4]}
  optimizer: {type: choice, values: [adam, sgd]}
objective: {goal: minimize, primary_metric: loss}
early_termination: {type: bandit, slack_factor: 0.6, evaluation_interval: 5, delay_evaluation: 15}
limits: {max_total_trials: 16, max_concurrent_trials: 2}
"""
PIPELINE: Final = """\
type: pipeline
display_name: nightly
settings: {default_compute: local}
jobs:
  prepare:
    command: echo 1 > ${{outputs.data}}/x
    outputs: {data: {type: uri_folder}}
  train:
    command: cp ${{inputs.data}}/x ${{outputs.model}}
    inputs: {data: "${{parent.jobs.prepare.outputs.data}}"}
    outputs: {model: {type: uri_file}}
  report:
    command: cat ${{inputs.model}} ${{inputs.data}}/x
    inputs:
      model: ${{parent.jobs.train.outputs.model}}
      data: ${{parent.jobs.prepare.outputs.data}}
"""
RUNS: Final = (("0.3", "1"), ("0.03", "2"), ("0.01", "4"), ("0.1", "4"))


def main(folder: Path) -> None:
    """Make the pictures; raises ``ValueError`` for one that is too large."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        environ = {**os.environ, "AML_HOME": str(root / ".aml")}

        def aml(*arguments: str) -> str:
            done = subprocess.run(
                [AML, *arguments], cwd=root, env=environ, check=True, capture_output=True, text=True
            )
            return done.stdout + done.stderr

        for name, text in (("train.py", TRAIN), ("s.yml", SWEEP), ("p.yml", PIPELINE)):
            (root / name).write_text(text, encoding="utf-8")
        for lr, layers in RUNS:
            aml("submit", "-e", "churn", "train.py", "--lr", lr, "--layers", layers)
        aml("submit", "p.yml")
        sweep = re.search(r"RunId: (\S+)", aml("submit", "s.yml"))
        aml("submit", "p.yml")
        command = [AML, "studio", "--no-browser"]
        with subprocess.Popen(
            command,
            cwd=root,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as studio:
            try:
                assert studio.stdout is not None
                link = studio.stdout.readline().strip()
                _pictures(folder, link, sweep[1] if sweep else "")
            finally:
                studio.terminate()


def _pictures(folder: Path, link: str, sweep: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_context(viewport=_SIZE, color_scheme="light").new_page()
        page.goto(link)
        site = page.url.rstrip("/")
        page.goto(f"{site}/?column=metric.loss&column=metric.accuracy&column=param.lr")
        _take(page, folder / "studio-runs.png")
        page.goto(f"{site}/?experiment=churn&sort=metric.loss&order=asc&column=metric.loss")
        ids = [row.get_attribute("data-run") for row in page.locator("tr[data-run]").all()]
        page.goto(f"{site}/compare?" + "&".join(f"run={run_id}" for run_id in ids))
        page.locator("#curves").evaluate("heading => heading.scrollIntoView()")
        _take(page, folder / "studio-compare.png")
        context = browser.new_context(
            viewport=_SIZE, color_scheme="dark", storage_state=page.context.storage_state()
        )
        dark = context.new_page()
        dark.goto(f"{site}/runs/{sweep}")
        _take(dark, folder / "studio-sweep.png")
        browser.close()


def _take(page: Page, file: Path) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(800)
    page.screenshot(path=file)
    size = file.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"{file} has {size} bytes; {MOST_BYTES} are allowed")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "docs" / "pictures")
