"""The files that pages load are fetched once: their addresses name their content."""

import re

import pytest

from runtime.studio.static_files import asset

_LOADED = re.compile(r'(?:src|href)="(/static/[^"]+)"')
NAMES = ["charts.js", "icon.svg", "plotly.js", "studio.css", "studio.js", "sweep.js"]


@pytest.mark.parametrize("page", ["/", "/runs/run1", "/compare?run=run1"])
def test_a_browser_keeps_all_that_a_page_loads(desk, page):
    desk.enter()
    loaded = _LOADED.findall(desk.client.get(page).text)
    assert asset("studio.css") in loaded
    for address in loaded:
        sent = desk.client.get(address)
        assert sent.status_code == 200, address
        assert sent.headers["cache-control"] == "max-age=31536000, immutable"
        assert "default-src 'none'" in sent.headers["content-security-policy"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_no_other_address(desk, name):
    desk.enter()
    content = asset(name).split("/")[2]
    for path in (
        f"/static/{name}",
        f"/static/{content[::-1]}/{name}",
        f"/static/{content}/none.js",
    ):
        answer = desk.client.get(path)
        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store"), path


def test_a_page_itself_is_not_kept(desk):
    desk.enter()
    assert desk.client.get("/runs/run1").headers["cache-control"] == "no-store"
