"""The pages of a sweep and of a pipeline's run in Chromium, while they run and afterwards."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.studio.conftest import complaints

pytestmark = [pytest.mark.needs_chromium, pytest.mark.slow]

TRIAL = """\
import sys, time
import mlflow
for step in range(1, 25):
    mlflow.log_metric("loss", float(sys.argv[1]) / step, step=step)
    time.sleep(0.4)
"""
SWEEP = """\
type: sweep
compute: local
trial:
  code: .
  command: python trial.py ${{search_space.lr}} '${{search_space.kind}}'
sampling_algorithm: grid
search_space:
  lr: {type: choice, values: [1, 30]}
  kind: {type: choice, values: ["<b>wide</b>"]}
objective: {goal: minimize, primary_metric: loss}
early_termination: {type: bandit, slack_factor: 0.5, evaluation_interval: 1}
limits: {max_total_trials: 2, max_concurrent_trials: 2}
"""
PIPELINE = """\
type: pipeline
settings: {default_compute: local}
jobs:
  prepare:
    command: echo 1 > ${{outputs.out}}/x
    outputs: {out: {type: uri_folder}}
  train:
    command: cp ${{inputs.data}}/x ${{outputs.model}} && exit 3
    inputs: {data: "${{parent.jobs.prepare.outputs.out}}"}
    outputs: {model: {type: uri_file}}
  report:
    command: cat ${{inputs.model}}
    inputs: {model: "${{parent.jobs.train.outputs.model}}"}
"""


@pytest.fixture(scope="module")
def sweep(started):
    (started.root / "trial.py").write_text(TRIAL, encoding="utf-8")
    return submitted(started, "sweep.yml", SWEEP)


@pytest.fixture(scope="module")
def pipeline(started):
    return submitted(started, "pipeline.yml", PIPELINE)


@pytest.fixture(scope="module")
def mended(started, pipeline):
    """The pipeline again, after it failed, without its mistake."""
    started.ended(pipeline)
    return submitted(started, "pipeline.yml", PIPELINE.replace(" && exit 3", ""))


@pytest.fixture(scope="module")
def parents(started, sweep, pipeline, mended):
    """A sweep and two pipelines that have ended."""
    for run_id in (sweep, mended):
        started.ended(run_id)
    return (sweep, pipeline, mended)


def submitted(project, name, content):
    """Submit a file, and return its run, which goes on."""
    (project.root / name).write_text(content, encoding="utf-8")
    return re.search(r"RunId: (\S+)", project.aml("submit", "--detach", name).stderr)[1]


def opened(page, run_id):
    page.goto(f"{re.match('http://[^/]+', page.url)[0]}/runs/{run_id}")


def row(page, text):
    return page.locator("#parts tbody tr", has_text=text)


def test_a_sweep_is_watched_and_its_best_child_is_opened(sweep, page):
    opened(page, sweep)
    expect(row(page, "Running").first).to_be_visible(timeout=60_000)
    expect(page.locator(".run-state .state")).to_have_text("Completed", timeout=90_000)
    best, stopped = row(page, sweep).first, row(page, sweep).last
    expect(best).to_contain_text("<b>wide</b>")
    expect(stopped).to_contain_text("BanditPolicy (slack_factor 0.5): its best value")
    charts = page.locator(".sweep-charts .chart")
    curves, coordinates = charts.first, charts.last
    expect(curves.locator(".legendtext")).to_have_text(["best of a trial", "best so far"])
    expect(coordinates.locator(".xtick")).to_have_text(["lr", "kind", "loss"])
    expect(coordinates.locator(".annotation-text", has_text="<b>wide</b>")).to_be_visible()
    best.get_by_role("link").click()
    expect(page.locator("tr[data-metric=loss]")).to_be_visible()


def test_a_pipeline_is_watched_and_its_failed_step_is_opened(pipeline, page):
    opened(page, pipeline)
    expect(page.locator(".run-state .state")).to_have_text("Failed", timeout=60_000)
    expect(page.locator(".graph .state")).to_have_text(
        [re.compile(r"Completed · [\d.]+ s"), re.compile(r"Failed · [\d.]+ s"), "Skipped"]
    )
    expect(page.locator(".graph .edge")).to_have_count(2)
    page.locator(".graph a", has_text="train").click()
    expect(page.locator(".run-state .state")).to_have_text("Failed")
    expect(page.locator(".facts")).to_contain_text(f"{pipeline}_train")


def test_steps_that_were_reused_lead_to_what_they_stand_for(pipeline, mended, page):
    opened(page, mended)
    expect(page.locator(".run-state .state")).to_have_text("Completed", timeout=60_000)
    expect(page.locator(".graph .state").first).to_have_text("Reused")
    expect(row(page, "report")).to_contain_text("it has not run before")
    row(page, "prepare").get_by_role("link", name=f"{pipeline}_prepare").click()
    expect(page.locator(".facts")).to_contain_text(f"{pipeline}_prepare")


def test_a_pipeline_is_run_again(mended, page):
    opened(page, mended)
    expect(page.locator("code", has_text=f"aml run rerun {mended}")).to_be_visible()
    page.get_by_role("button", name="Run it again").click()
    expect(page.locator("h1")).not_to_have_text(mended)
    expect(page.locator(".run-state .state")).to_have_text("Completed", timeout=60_000)
    expect(page.locator(".graph .state")).to_have_text(["Reused"] * 3)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_of_parents_pass_axe(started, chromium, parents, theme):
    context = chromium.new_context(color_scheme=theme, viewport={"width": 420, "height": 800})
    page = context.new_page()
    said = complaints(page)
    page.goto(started.link())
    for run_id in parents:
        opened(page, run_id)
        found = Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], run_id
    context.close()
    assert said == []


def test_the_pages_of_parents_work_without_scripts(started, chromium, parents):
    sweep, _, mended = parents
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(started.link())
    opened(page, sweep)
    expect(row(page, sweep)).to_have_count(2)
    opened(page, mended)
    page.locator(".graph a", has_text="report").click()
    expect(page.locator(".facts")).to_contain_text(f"{mended}_report")
    context.close()
