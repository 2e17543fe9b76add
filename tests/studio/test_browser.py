"""The studio in Chromium: a run followed to its end, compared, found again; no page is a trap."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

pytestmark = [pytest.mark.needs_chromium, pytest.mark.slow]


def run_ids(project):
    return [run["run_id"] for run in listed(project)]


def listed(project):
    return json.loads(project.aml("runs", "--last", "0", "--json").stdout)


def base(page):
    return page.url.rstrip("/")


def test_a_run_is_followed_to_its_end(project, page):
    site = base(page)
    project.aml("submit", "--detach", "train.py", "0.3", "0.9")
    page.goto(site)
    row = page.locator("tr[data-run]").first
    run_id = row.get_attribute("data-run")
    row.get_by_role("link").click()
    log = page.locator('pre[aria-label="user_logs/std_log.txt"]')
    expect(log).to_contain_text("epoch 1 <b>not bold</b>", timeout=30_000)
    expect(page.locator(".chart .main-svg").first).to_be_visible(timeout=30_000)
    last = page.locator("tr[data-metric=rmse] td")
    before = last.text_content()
    expect(last).not_to_have_text(before, timeout=30_000)
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
    page.goto(project.link())
    site, (new, *_, old) = base(page), run_ids(project)
    written = f"/runs/{old}/files/outputs"
    paths = ("/", "/?filter=x", f"/runs/{old}", f"/compare?run={new}&run={old}", "/nothing")
    for path in (*paths, f"{written}/report.html", f"{written}/table.csv"):
        page.goto(f"{site}{path}")
        found = Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], path
    context.close()


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
