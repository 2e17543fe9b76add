"""Who the studio answers: links, cookies, hosts, origins and forms; and what its pages may load."""

import json
import re
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from runtime.model.runs import RunEvent
from runtime.studio.addresses import quoted
from runtime.studio.guard import POLICY
from runtime.studio.server import OtherStudioError, link_of_running
from runtime.sweeps.observed import HYPERPARAMETERS, METRIC, STOPPED
from runtime.targets.run_folder import RunFolder
from tests.studio.conftest import record

FOREIGN = {
    "another site": {"Origin": "http://evil.example"},
    "another port": {"Origin": "http://127.0.0.1:9999"},
    "a sandboxed page": {"Origin": "null"},
    "no origin": {},
}


def test_a_link_begins_one_session(desk):
    token = desk.access.new_link()
    first = desk.client.get("/enter", params={"token": token}, follow_redirects=False)
    assert (first.status_code, first.headers["location"]) == (303, "/")
    cookie = first.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert desk.client.get("/").status_code == 200
    desk.client.cookies.clear()
    assert desk.client.get("/enter", params={"token": token}).status_code == 403
    assert desk.client.get("/").status_code == 403


@pytest.mark.parametrize("path", ["/", "/runs/run1", "/live", "/static/studio.css", "/nothing"])
def test_nothing_is_shown_without_a_session(desk, path):
    answer = desk.client.get(path)
    assert answer.status_code == 403
    assert "run1" not in answer.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8787", "127.0.0.1:1", "127.0.0.1"])
def test_other_host_names_are_refused(desk, host):
    desk.enter()
    assert desk.client.get("/", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_forms_of_other_pages_are_refused(desk, headers):
    desk.enter()
    data = desk.form(name="team", value="ml")
    answer = desk.client.post("/runs/run1/tag", data=data, headers=headers)
    assert answer.status_code == 403
    assert "team" not in desk.history.record("run1").tags


def test_a_form_needs_the_token_of_its_session(desk):
    desk.enter()
    form = desk.form(name="team", value="ml")
    for token in ("", "0" * 64):
        data = form | {"form_token": token}
        assert desk.client.post("/runs/run1/tag", data=data, headers=desk.own()).status_code == 403
    answer = desk.client.post(
        "/runs/run1/tag", data=form, headers=desk.own(), follow_redirects=False
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs/run1")
    assert desk.history.record("run1").tags["team"] == "ml"


def test_a_form_that_is_too_large_is_refused(desk):
    desk.enter()
    data = desk.form(name="team", value="x" * 70_000)
    assert desk.client.post("/runs/run1/tag", data=data, headers=desk.own()).status_code == 413


def test_a_read_only_studio_changes_nothing(desk):
    desk.access.read_only = True
    desk.enter()
    data = desk.form(name="team", value="ml")
    assert desk.client.post("/runs/run1/tag", data=data, headers=desk.own()).status_code == 403
    assert '<form method="post"' not in desk.client.get("/runs/run1").text


def test_only_who_reads_the_key_gets_another_link(desk):
    for header in ({}, {"Authorization": "Bearer guess"}):
        assert desk.client.post("/links", headers=header).status_code == 403
    token = desk.client.post("/links", headers={"Authorization": f"Bearer {desk.access.key}"}).text
    assert desk.access.begin(token)


def test_every_page_says_what_it_may_load(desk):
    desk.enter()
    for path in ("/", "/runs/run1", "/nothing", "/compare?run=run1"):
        headers = desk.client.get(path).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
    assert "unsafe-inline" not in POLICY


def test_a_damaged_history_is_named_until_it_is_moved_away(desk):
    desk.enter()
    file = desk.history.file
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("update run set record = '{'")
    for path in ("/", "/prune?keep=0", "/runs/run1"):
        page = desk.client.get(path)
        assert page.status_code == 400
        assert f"<code>{file}</code>" in page.text
    file.rename(file.with_suffix(".damaged"))
    assert "There are no runs." in desk.client.get("/").text


def test_any_number_of_runs_are_compared_by_lock_and_snapshot(desk):
    for number, lock in enumerate(("a" * 64, "b" * 64, ""), 2):
        known = {"aml.environment.lock": lock} if lock else {}
        desk.history.add(record(number, properties={"ContentSnapshotId": "c" * 40, **known}))
    desk.enter()
    text = desk.client.get("/compare?run=run2&run=run3&run=run4").text
    rows = dict(re.findall(r'<tr><th scope="row">([\w ]+)</th>(.*?)</tr>', text))
    assert rows["Environment lock"].count('class="differs"') == 3
    assert f'href="/environments/locks/{"a" * 64}"' in rows["Environment lock"]
    assert rows["Snapshot"].count("<code>cccccccccccc</code>") == 3
    assert "differs" not in rows["Snapshot"]


@pytest.mark.parametrize(
    ("many", "said"),
    [(60, ""), (100, ""), (101, "1 of the runs that were selected is left out: at most 100 are")],
)
def test_runs_that_are_left_out_of_a_comparison_are_counted(desk, many, said):
    for number in range(2, many + 2):
        desk.history.add(record(number))
    desk.enter()
    wanted = [("run", f"run{number}") for number in range(2, many + 2)]
    text = desk.client.get("/compare", params=wanted).text
    assert text.count('<th scope="col"><a href="/runs/run') == min(many, 100)
    assert said in text
    assert ("left out" in text) == bool(said)


@pytest.mark.parametrize("page", ["2", "99999", "9" * 40])
def test_past_the_last_page_there_is_the_last_page(desk, page):
    desk.enter()
    text = desk.client.get(f"/?page={page}").text
    assert '<tr data-run="run1">' in text
    assert "Page 1 of 1" in text


def test_names_and_values_of_runs_are_text(desk):
    desk.enter()
    for path in ("/?column=param.x", "/runs/run1", "/compare?run=run1"):
        text = desk.client.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


def test_a_new_step_of_a_run_is_told_with_its_bar_and_its_duration(desk):
    steps = [("snapshot", 0.0), ("<i>run</i>", 4.0)]
    for number, (name, time) in enumerate(steps, 1):
        event = RunEvent(number, 1_700_000_001.0 + time, "step", {"step": name, "text": ""})
        desk.history.append("run1", [event])
    desk.enter()
    told = desk.client.get("/runs/run1/live?after=1").text
    (html,) = [json.loads(line[6:])["html"] for line in told.splitlines() if '"html"' in line]
    assert re.findall(r'<span class="when">(.*?)</span>', html) == ["—"] * 8 + ["4.0 s", "6.0 s"]
    assert re.findall(r'<rect x="([\d.]+)" width="([\d.]+)"', html) == [
        ("0.00", "40.00"),
        ("40.00", "60.00"),
    ]
    assert "<b>&lt;i&gt;run&lt;/i&gt;</b>" in html


def test_a_browser_that_lost_its_connection_is_told_what_came_since(desk):
    desk.enter()
    told = desk.client.get("/runs/run1/live?after=-1").text
    assert told.count("event: metric") == 1
    place = re.findall("^id: (.*)$", told, re.MULTILINE)[-1]
    event = RunEvent(1, 2.0, "metric", {"key": "since", "value": 2.0, "step": 0})
    desk.history.append("run1", [event])
    again = desk.client.get("/runs/run1/live?after=-1", headers={"Last-Event-ID": place}).text
    assert again.count("event: metric") == 1
    assert '"since"' in again


def written(desk, name, text):
    """Write a log of the run, as its script does."""
    log = RunFolder(desk.home / "runs" / "run1").work / name
    log.parent.mkdir(parents=True)
    log.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(("after", "told"), [(1, 1), (2, 0)])
def test_the_log_of_another_attempt_is_told_from_its_beginning(desk, after, told):
    written(desk, "user_logs/std_log.txt", "second\n")
    again = RunEvent(1, 2.0, "state", {"state": "Running", "attempt": 2})
    desk.history.append("run1", [again])
    desk.enter()
    read = {"after": after, "log:user_logs/std_log.txt": len("second\n")}
    found = desk.client.get("/runs/run1/live", params=read).text
    assert found.count('"text": "second\\n", "over": [], "begins": true') == told
    assert found.count("event: log") == told


def test_what_a_sweep_was_made_of_is_text(desk):
    evil = "<script>alert(1)</script>"
    metric = {METRIC: json.dumps({"name": evil, "goal": "minimize"})}
    varied = {HYPERPARAMETERS: json.dumps({evil: evil})}
    desk.history.add(record(2, properties={"runTemplate": "HyperDrive", **metric}))
    desk.history.append("run2", [RunEvent(0, 1.0, "child", {"run": "run3", "parent": "run2"})])
    desk.history.add(record(3, tags=varied, properties={STOPPED: evil}))
    desk.history.append("run3", [RunEvent(0, 1.0, "metric", {"key": evil, "value": 1.0})])
    desk.enter()
    for path in ("/runs/run2", "/runs/run2/parts/live"):
        text = desk.client.get(path).text
        assert "<script>alert" not in text
        assert "<td>&lt;script&gt;alert(1)&lt;/script&gt;</td>" in text


@pytest.mark.parametrize(
    "name",
    ["../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "link.txt", "/etc/passwd", "x"],
)
def test_only_files_of_the_run_are_shown(desk, name):
    desk.enter()
    for wanted in ("", "?as=file", "?as=page", "?as=picture"):
        answer = desk.client.get(f"/runs/run1/files/{name}{wanted}")
        assert answer.status_code == 404
        assert "secret\n" not in answer.text


@pytest.mark.parametrize(
    "name", ["two\nlines <b>.txt", "per%cent?a#b&c=d;.txt", " spaces ", "end\n", "no\udcfftext"]
)
def test_a_file_and_a_log_of_any_name_are_found_by_their_links(desk, name):
    outputs = Path(desk.history.record("run1").outputs)
    (outputs / name).write_text("of any name", encoding="utf-8")
    written(desk, f"user_logs/{name}.txt", "10%\r100% of any name\n")
    desk.enter()
    page = desk.client.get("/runs/run1").text
    files = [
        link for link in re.findall(r'href="(/runs/run1/files/[^"]+)', page) if "a.html" not in link
    ]
    logs = re.findall(r'href="(/runs/run1/logs/[^"]+)', page)
    assert len(logs) == 1
    for link in [f"/runs/run1/files/{quoted(name)}", *logs]:
        assert link in [*files, *logs]
        answer = desk.client.get(link)
        assert answer.status_code == 200
        assert "of any name" in answer.text
    assert desk.client.get(f"/runs/run1/files/{quoted(name)}?as=file").text == "of any name"
    assert "of any name" in desk.client.get("/runs/run1/live").text


@pytest.mark.parametrize("name", ["a.html?as=page", "b.svg?as=picture"])
def test_documents_of_a_run_are_sandboxed(desk, name):
    desk.enter()
    policy = desk.client.get(f"/runs/run1/files/{name}").headers["content-security-policy"]
    assert "sandbox" in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy


def test_other_files_are_downloads(desk):
    desk.enter()
    answer = desk.client.get("/runs/run1/files/a.html?as=file")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="a.html"'


@pytest.mark.parametrize("path", ["/schedules/%00", "/environments/locks/%00", "/runs/a%00b"])
def test_an_address_that_no_file_can_have_leads_nowhere(desk, path):
    desk.enter()
    assert desk.client.get(path).status_code == 404


def test_a_filter_that_is_none_says_why(desk):
    desk.enter()
    answer = desk.client.get("/", params={"filter": "<b>`x`"})
    assert answer.status_code == 200
    assert 'role="alert"' in answer.text
    assert "<b>`x" not in answer.text
    assert 'name="filter" value="&lt;b&gt;`x`"' in answer.text


@pytest.mark.parametrize(
    "request_",
    [
        b"<script>alert(1)</script>\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
    ],
    ids=["markup", "null", "tls"],
)
def test_what_is_no_http_is_answered_plainly(desk, capfd, request_):
    place = urlsplit(str(desk.client.base_url))
    with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
        connection.sendall(request_)
        with connection.makefile("rb") as answer:
            head, _, body = answer.read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request")
    assert b"x-content-type-options: nosniff" in head
    assert body == b"This is not a request that the studio understands.\n"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"stack": "dev"}, "shows stack local."),
        ({"read_only": True, "port": 1}, "is not read-only and is on port"),
        ({"names": ["a"], "host": "::1"}, "not have all of these names and listens on 127.0.0.1."),
    ],
)
def test_a_studio_that_runs_is_not_taken_for_another(desk, asked, says):
    desk.enter()  # it runs
    with pytest.raises(OtherStudioError, match=re.escape(says)):
        link_of_running(desk.home, asked)


def test_a_studio_that_runs_gives_another_link(desk):
    desk.enter()
    asked = {"stack": "local", "port": desk.client.base_url.port, "names": ()}
    link = link_of_running(desk.home, asked)
    assert desk.client.get(link).status_code == 303
