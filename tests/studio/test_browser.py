"""The studio in Chromium: a run followed to its end, compared, found again; no page is a trap."""

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from runtime.environments.lock_store import FOLDER as LOCKS
from runtime.environments.lock_store import LockStore
from runtime.environments.resolved import ResolvedLock
from runtime.pipelines.schedules import Schedule, Schedules
from runtime.pipelines.triggers import Cron
from tests.studio.conftest import complaints

pytestmark = [pytest.mark.needs_chromium, pytest.mark.slow]

RANKS = """\
type: command
compute: local
command: python -c "import os; print('I am', os.environ['RANK'])"
distribution: {type: pytorch, process_count_per_instance: 2}
"""


BAR = """\
import pathlib, sys, time
sys.stdout.write("begins\\r\\n\\r  0%\\r 10%")
for name, text in (("half", "\\r 50%"), ("end", "\\r100%\\nends\\n")):
    sys.stdout.flush()
    while not pathlib.Path(sys.argv[1], name).exists():
        time.sleep(0.05)
    sys.stdout.write(text)
"""
NESTED = """\
import pathlib, sys, time
print("begins")
for name, text in (
    ("half", "\\router 0%\\n\\rinner 10%\\x1b[A"),
    ("end", "\\n\\rinner 90%\\x1b[A"),
    ("", "\\n\\r         \\r\\x1b[A\\router 100%\\nends\\n"),
):
    sys.stdout.write(text)
    sys.stdout.flush()
    while name and not pathlib.Path(sys.argv[1], name).exists():
        time.sleep(0.05)
"""
SEEN = """seen => {
    Object.defineProperty(document, "hidden", {value: !seen, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
"""What a browser does as somebody leaves a tab or comes back; without a window it never does."""


def run_ids(project):
    return [run["run_id"] for run in listed(project)]


def listed(project):
    return json.loads(project.aml("runs", "--last", "0", "--json").stdout)


def base(page):
    return page.url.rstrip("/")


def test_a_run_is_followed_to_its_end(project, page):
    site = base(page)
    project.aml("submit", "--detach", "train.py", "0.6", "0.9")
    page.get_by_role("link", name="New runs were submitted: show them").click()
    row = page.locator("tr[data-run]").first
    run_id = row.get_attribute("data-run")
    row.get_by_role("link").click()
    log = page.locator('pre[aria-label="user_logs/std_log.txt"]')
    expect(log).to_contain_text("epoch 1 <b>not bold</b>", timeout=30_000)
    last = page.locator("tr[data-metric=rmse] td")
    before = last.text_content()
    expect(last).not_to_have_text(before, timeout=30_000)
    expect(page.locator(".chart .main-svg").first).to_be_visible(timeout=30_000)
    expect(page.locator(".steps li .when", has_text="s …")).to_have_count(1)
    assert page.locator(".steps li:not(:has(.bar))").count() == 0
    expect(page.locator(".run-state .state")).to_have_text("Completed", timeout=60_000)
    expect(log).to_contain_text("epoch 19")
    lines = [line for line in log.text_content().splitlines() if line.startswith("epoch")]
    assert [line.split()[1] for line in lines] == [str(number) for number in range(20)]
    assert page.url == f"{site}/runs/{run_id}"


def test_a_run_is_stopped(project, page):
    site = base(page)
    project.aml("submit", "--detach", "train.py", "5", "1")
    page.goto(f"{site}/runs/{run_ids(project)[0]}")
    page.get_by_role("button", name="Cancel this run").click()
    expect(page.locator(".run-state .state")).to_have_text("Canceled", timeout=30_000)


def test_runs_are_filtered_sorted_and_compared(project, page):
    page.get_by_label("Filter", exact=True).fill("params.alpha = '0.5'")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("tr[data-run]")).to_have_count(1)
    page.get_by_text("Columns").click()
    page.get_by_label("rmse").check()
    page.get_by_label("Filter", exact=True).fill("metrics.rmse < 0.6 and params.alpha LIKE '0.%'")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("td[data-column='metric.rmse']").first).to_have_text("0.5")
    for box in page.locator("tbody input[name=run]").all()[-2:]:
        box.check()
    page.get_by_role("button", name="Compare selected").click()
    expect(page.locator(".differs").first).to_be_visible()
    expect(page.locator(".legendtext")).to_have_count(2, timeout=30_000)
    page.get_by_label("Logarithmic").check()
    page.get_by_label("Horizontal axis").select_option("seconds")
    expect(page.locator(".xtitle")).to_have_text("seconds")


@pytest.mark.parametrize("where", ["/runs/{1}", "/compare?run={0}&run={1}"])
def test_how_charts_are_drawn_is_in_the_address(project, page, where):
    page.goto(base(page) + where.format(*run_ids(project)[-2:]))
    page.get_by_label("Horizontal axis").select_option("seconds")
    page.get_by_label("Smoothing").fill("0.5")
    page.get_by_label("Logarithmic").check()
    page.wait_for_url(re.compile("axis=seconds.*smoothing=0.5.*log=1"))
    page.reload()
    expect(page.get_by_label("Horizontal axis")).to_have_value("seconds")
    expect(page.get_by_label("Smoothing")).to_have_value("0.5")
    expect(page.locator("output")).to_have_text("0.5")
    expect(page.get_by_label("Logarithmic")).to_be_checked()
    expect(page.locator(".xtitle").first).to_have_text("seconds")
    page.get_by_label("Logarithmic").uncheck()
    page.get_by_label("Horizontal axis").select_option("steps")
    page.get_by_label("Smoothing").fill("0")
    page.wait_for_url(re.compile("^(?!.*(axis|smoothing|log)=)"))


def test_an_address_that_says_nothing_sane_shows_the_usual_charts(project, page):
    page.goto(f"{base(page)}/runs/{run_ids(project)[-1]}?axis=x&smoothing=9&log=maybe&rank=7")
    expect(page.locator(".xtitle").first).to_have_text("step")
    expect(page.get_by_label("Horizontal axis")).to_have_value("steps")
    expect(page.get_by_label("Smoothing")).to_have_value("0")
    expect(page.get_by_label("Logarithmic")).not_to_be_checked()


def test_a_page_that_a_run_wrote_runs_apart(project, page):
    page.goto(f"{base(page)}/runs/{run_ids(project)[-1]}/files/outputs/report.html")
    page.get_by_text("Show it as a page").click()
    frame = page.frame_locator("iframe")
    expect(frame.locator("body")).to_contain_text("report")
    expect(page).to_have_title("outputs/report.html · AML studio")
    page.goto(page.url.replace("report.html", "table.csv"))
    expect(page.locator("td").first).to_have_text("<i>a</i>")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_passes_axe(project, chromium, theme):
    context = chromium.new_context(color_scheme=theme, viewport={"width": 420, "height": 800})
    page = context.new_page()
    said = complaints(page)
    page.goto(project.link())
    site, (new, *_, old) = base(page), run_ids(project)
    written = f"/runs/{old}/files/outputs"
    paths = ("/", "/?filter=x", f"/runs/{old}", f"/compare?run={new}&run={old}", "/nothing")
    for path in (*paths, f"{written}/report.html", f"{written}/table.csv"):
        page.goto(f"{site}{path}")
        found = Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], path
    context.close()
    assert [each for each in said if not each[0].endswith("/nothing")] == []  # that is a 404


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_of_what_is_kept_pass_axe(project, chromium, theme):
    home = project.root / ".aml"
    work = {"pipeline": {"steps": [{"name": "train", "run": {"target": "cpu"}}]}}
    schedule = Schedule("nightly", Cron("0 6 * * *"), "local", work, next=2e9, problem="no data")
    Schedules(home).write(schedule)
    lock = LockStore(home / LOCKS).keep(ResolvedLock("# aml lock 1\nnumpy==2.1.0\n"))
    old = run_ids(project)[-1]
    context = chromium.new_context(color_scheme=theme, viewport={"width": 420, "height": 800})
    page = context.new_page()
    said = complaints(page)
    page.goto(project.link())
    site = base(page)
    paths = ("/schedules", "/schedules/nightly", "/environments", "/environments/registered")
    more = ("/models", "/prune?keep=0", f"/runs/{old}/snapshot/train.py")
    for path in (*paths, f"/environments/locks/{lock}", *more):
        page.goto(f"{site}{path}")
        found = Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], path
    context.close()
    assert said == []


def test_a_run_is_submitted_again(project, page):
    site = base(page)
    old = run_ids(project)[-1]
    page.goto(f"{site}/runs/{old}")
    page.get_by_role("button", name="Run it again").click()
    expect(page.locator("h1")).not_to_have_text(old)
    expect(page.locator(".run-state .state")).to_have_text("Completed", timeout=60_000)
    assert listed(project)[0]["params"] == {"alpha": "0.5"}


def test_the_logs_of_a_rank_are_shown_alone_and_searched(started, page):
    (started.root / "ranks.yml").write_text(RANKS, encoding="utf-8")
    started.aml("submit", "ranks.yml")
    page.goto(f"{base(page)}/runs/{run_ids(started)[0]}")
    logs = [page.locator(f"details[data-log$='std_log_process_{rank}.txt']") for rank in (0, 1)]
    page.get_by_label("Rank").select_option("1")
    expect(logs[0]).to_be_hidden()
    expect(logs[1].locator("pre")).to_contain_text("I am 1")
    page.get_by_label("Search").fill("nothing like it")
    expect(logs[1].locator("pre")).to_have_text("")
    page.wait_for_url(re.compile(r"rank=1&search=nothing\+like\+it"))
    page.reload()
    expect(logs[0]).to_be_hidden()
    expect(logs[1].locator("pre")).to_have_text("")
    page.get_by_label("Search").fill("")
    expect(logs[1].locator("pre")).to_contain_text("I am 1")


def test_a_progress_bar_is_followed_on_its_own_line(started, page, tmp_path):
    (started.root / "bar.py").write_text(BAR, encoding="utf-8")
    started.aml("submit", "--detach", "bar.py", str(tmp_path))
    log = page.locator('pre[aria-label="user_logs/std_log.txt"]')
    page.goto(f"{base(page)}/runs/{run_ids(started)[0]}")
    expect(log).to_have_text("begins\n 10%", use_inner_text=True, timeout=30_000)
    (tmp_path / "half").touch()
    expect(log).to_have_text("begins\n 50%", use_inner_text=True)
    page.get_by_label("Search").fill("0%")
    expect(log).to_have_text(" 50%", use_inner_text=True)
    (tmp_path / "end").touch()
    expect(log).to_have_text("100%", use_inner_text=True)
    expect(page.locator(".run-state .state")).to_have_text("Completed", timeout=30_000)
    page.get_by_label("Search").fill("")
    expect(log).to_have_text("begins\n100%\nends\n", use_inner_text=True)


def test_bars_inside_each_other_are_followed_on_their_own_lines(started, page, tmp_path):
    (started.root / "nested.py").write_text(NESTED, encoding="utf-8")
    started.aml("submit", "--detach", "nested.py", str(tmp_path))
    log = page.locator('pre[aria-label="user_logs/std_log.txt"]')
    page.goto(f"{base(page)}/runs/{run_ids(started)[0]}")
    expect(log).to_have_text("begins\nouter 0%\ninner 10%", use_inner_text=True, timeout=30_000)
    (tmp_path / "half").touch()
    expect(log).to_have_text("begins\nouter 0%\ninner 90%", use_inner_text=True)
    page.reload()
    expect(log).to_have_text("begins\nouter 0%\ninner 90%", use_inner_text=True)
    (tmp_path / "end").touch()
    expect(log).to_have_text("begins\nouter 100%\nends\n", use_inner_text=True)


def test_tabs_that_nobody_sees_leave_the_browser_its_connections(started, page, tmp_path):
    (started.root / "bar.py").write_text(BAR, encoding="utf-8")
    started.aml("submit", "--detach", "bar.py", str(tmp_path))
    address = f"{base(page)}/runs/{run_ids(started)[0]}"
    tabs = [page.context.new_page() for _ in range(7)]  # a browser has six for all of them
    for tab in tabs:
        tab.goto(address)
        expect(tab.locator("pre").first).to_contain_text("10%", timeout=30_000)
        tab.evaluate(SEEN, "")
    (tmp_path / "half").touch()
    tabs[0].evaluate(SEEN, "by somebody")
    log = tabs[0].locator('pre[aria-label="user_logs/std_log.txt"]')
    expect(log).to_have_text("begins\n 50%", use_inner_text=True)
    tabs[0].evaluate(SEEN, "")
    (tmp_path / "end").touch()
    tabs[0].evaluate(SEEN, "by somebody")
    expect(log).to_have_text("begins\n100%\nends\n", use_inner_text=True, timeout=30_000)


def test_the_pages_work_without_scripts(project, chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(project.link())
    page.locator("tbody a").last.click()
    expect(page.locator("pre").first).to_contain_text("epoch 19")
    page.get_by_label("Name").fill("reviewed")
    page.get_by_label("Value").fill("yes")
    page.get_by_role("button", name="Set tag").click()
    expect(page.locator("table.pairs th", has_text="reviewed")).to_be_visible()
    context.close()
    assert listed(project)[-1]["tags"] == {"reviewed": "yes"}
