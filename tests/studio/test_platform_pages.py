"""Computes, deployments and the local cloud in the studio, by the pages' own requests."""

import json
import re
import shutil
import time
from contextlib import closing

import pytest

from infra.arm.client import local_client
from infra.contract.discovery import SUBSCRIPTION, find_cloud
from localcloud import control
from localcloud.console import LocalCloudConsole
from runtime.cli.root import run
from runtime.history.store import History
from runtime.model.states import RunState
from tests.deploy.outside import unchanged
from tests.deploy.project import REPOSITORY, Project, make_project
from tests.studio.conftest import record
from tests.studio.shop import EVIL, studio_of

EXAMPLE = REPOSITORY / "examples" / "own_program"
PAGES = (
    "/computes",
    "/computes/cpu",
    "/computes/new?kind=compute_instance",
    "/deployments",
    "/deployments/1",
    "/drift",
    "/cloud",
)
LIVE = {
    "/computes/live": "<table",
    "/computes/cpu/live": "Steady",
    "/deployments/live": "Resources in the state",
    "/cloud/live": "Fault injection",
}
READ = (*PAGES, "/computes/new?kind=virtual_machine", "/models", "/environments/registered", *LIVE)
FORMS = (
    "/computes/new/aml_compute",
    "/computes/cpu/change",
    "/computes/cpu/remove",
    "/computes/cpu/power/stop",
    "/deploy",
    "/drift/revert",
    "/changes/1/apply",
    "/cloud/throttle",
    "/cloud/stop",
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory, aml_home, local_cloud):
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("AML_HOME", "AML_STACK", "PULUMI_BACKEND_URL"):
            patch.delenv(variable, raising=False)
        project = make_project(tmp_path_factory.mktemp("pages"), None, "pages")
        project.home.mkdir()
        (project.home / "cloud").symlink_to(aml_home / "cloud")
        patch.chdir(project.root)
        assert run(["up", "--yes", "-m", EVIL]) == 0
        with studio_of(project) as made:
            yield made


@pytest.mark.parametrize("path", PAGES)
def test_what_the_stack_says_is_text(shop, path):
    text = shop.text(path)
    assert EVIL not in text
    assert "style=" not in text
    if path.startswith("/deployments"):
        assert "&lt;script&gt;alert(1)" in text


def test_the_computes_are_listed_with_what_they_cost(shop):
    row = re.search(r'<tr data-compute="cpu">.*?</tr>', shop.text("/computes"), re.DOTALL)[0]
    cells = [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[dh].*?</t[dh]>", row)]
    assert cells[1:3] == ["compute cluster", "Steady"]
    assert "0 of 2" in row
    assert re.search(r"0\.00 USD, at most 0\.\d\d USD", row)
    assert "STANDARD_DS3_V2" in row
    assert "yes" in row


def test_an_instance_says_what_was_done_with_it_last(shop):
    name = shop.project.name
    path = (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}-rg/providers"
        f"/Microsoft.MachineLearningServices/workspaces/{name}/computes/bench"
    )
    made = {"computeType": "ComputeInstance", "properties": {"vmSize": "STANDARD_DS3_V2"}}
    body = {"location": "westeurope", "properties": made}
    with closing(local_client(shop.project.home)) as client:
        client.complete("PUT", path, api_version="2025-12-01", body=body)
        client.complete("POST", f"{path}/restart", api_version="2025-12-01")
        text = shop.text("/computes/bench")
        assert "<dt>Last operation</dt><dd>Restart: succeeded, 20" in text
        assert "/power/" not in text  # only what the stack declares is started and stopped
        action = {"underlyingResourceAction": "Delete"}
        client.complete("DELETE", path, api_version="2025-12-01", params=action)


def test_sizes_come_with_cores_prices_and_the_quota_left(shop):
    text = shop.text("/computes/new?kind=aml_compute")
    assert re.search(r'<optgroup label="\w+: \d+ cores of the quota left">', text)
    assert re.search(r"Standard_DS3_v2 — 4 cores, 14 GiB, \d\.\d\d USD an hour", text)
    assert "Standard_B1ls — 1 core, 0.5 GiB," in text
    assert re.search(r'<option value="Standard_NC6" disabled>.*retired, use Standard_NC4as', text)


def test_a_kind_that_azure_retired_says_why(shop):
    text = shop.text("/computes/new?kind=data_lake_analytics")
    assert "Azure retired Data Lake Analytics" in text
    assert "<form" not in text


def test_a_form_asks_first_for_what_is_attached_and_keeps_references_alone(shop):
    given = {"name": "box", "private_key": "file:keys/box", "password": "0pen-sesame"}
    text = shop.post("/computes/new/virtual_machine", **given).text
    assert "It needs Resource ID or address." in text
    places = [text.index(f'name="{key}"') for key in ("name", "resource_id", "location")]
    assert places == sorted(places)
    assert ">file:keys/box</textarea>" in text
    assert "0pen-sesame" not in text
    described = re.search(r'name="passphrase" aria-describedby="([^"]+)"', text)[1].split()
    assert [text.count(f'id="{each}"') for each in described] == [1, 1]


def test_what_is_wrong_is_said_beside_its_field(shop):
    wrong = {"name": EVIL, "max_nodes": "many", "admin.password": "0pen-sesame"}
    with unchanged(shop.project.stack_file()):
        answer = shop.post("/computes/new/aml_compute", **wrong)
    assert answer.status_code == 422
    assert EVIL not in answer.text
    assert "0pen-sesame" not in answer.text
    for key in ("name", "max_nodes", "vm_size", "admin.user"):
        assert f'id="e-{key}"' in answer.text
        assert re.search(rf'name="{re.escape(key)}".*? aria-invalid="true"', answer.text)


def test_other_settings_are_checked_the_same(shop):
    answer = shop.post("/computes/cpu/change", min_nodes="9", max_nodes="3")
    assert answer.status_code == 422
    assert 'id="e-min_nodes"' in answer.text


@pytest.mark.parametrize("path", FORMS)
def test_no_form_of_another_page_is_answered(shop, path):
    origin = {"Origin": shop.origin}
    with unchanged(shop.project.stack_file()):
        assert shop.client.post(path, headers=origin).status_code == 403
        assert shop.client.post(path, headers={"Origin": "http://evil.example"}).status_code == 403


def test_a_read_only_studio_shows_everything_and_has_no_form(shop):
    shop.access.read_only = True
    try:
        for path in PAGES:
            assert 'method="post"' not in shop.text(path)
        assert shop.post("/deploy").status_code == 403
        assert shop.post("/cloud/stop").status_code == 403
    finally:
        shop.access.read_only = False


def test_a_failed_operation_says_why(shop):
    compute = "Microsoft.MachineLearningServices/workspaces/computes"
    LocalCloudConsole(shop.project.home).fail(compute, "never", 1)
    values = {"name": "never", "vm_size": "STANDARD_DS3_V2", "max_nodes": "1"}
    planned = settled(shop, shop.console.add_compute("aml_compute", values))
    shop.console.apply(planned)
    settled(shop, planned)
    page = shop.text(f"/changes/{planned}")
    assert "<h1>Create compute cluster never</h1>" in page
    assert page.count("This failure was injected") == 1
    assert "Fix the cause named in the message, then try again." in page
    assert "hint:" not in page
    assert "the command again" not in page
    last = shop.console.history()[0].number
    for path in ("/deployments", f"/deployments/{last}"):
        text = shop.text(path)
        assert "platform-never" in text
        assert "This failure was injected" in text
    assert '<h2 id="why">Why it failed</h2>' in text
    assert "the command again" not in text
    assert run(["up", "--yes"]) == 0  # what is left of it is removed


def settled(shop, change):
    deadline = time.monotonic() + 120
    while shop.console.change(change).state.busy:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return change


def test_a_cluster_without_nodes_has_0_and_what_has_none_a_dash(shop):
    # The cloud has workspaces of other tests, too, whose clusters may have nodes.
    rows = re.findall(r'<tr data-compute="cpu">.*?</tr>', shop.text("/cloud"), re.DOTALL)
    (row,) = (each for each in rows if "<td>pages</td>" in each)
    assert "<td>compute cluster</td>" in row
    assert "<td>0</td>" in row


def test_faults_are_switched_on_and_off(shop):
    assert "Off." in shop.text("/cloud")
    shop.post("/cloud/throttle", calls="3", retry_after_s="1")
    for _ in range(2):  # looking does not use them up
        assert "The next 3 calls are refused" in shop.text("/cloud")
    shop.post("/cloud/clear")
    shop.post("/cloud/slow", type="", seconds="0.5")
    shop.post("/cloud/fail", type="Microsoft.Web/sites", name="web", times="2")
    text = shop.text("/cloud")
    assert "Operations on any other type take 0.5 s." in text
    assert "PUT of Microsoft.Web/sites web, 2 times" in text
    refused = shop.post("/cloud/slow", type="", seconds="soon")
    assert refused.status_code == 400
    assert "&#39;soon&#39; is not the number of seconds that operations take." in refused.text
    missing = shop.post("/cloud/fail", type="", name="", times="").text
    assert "The number of times to fail is missing. Enter a number from 0 to 10000." in missing
    shop.post("/cloud/clear")
    assert "Off." in shop.text("/cloud")


@pytest.mark.parametrize("path", ["/computes", "/deployments", "/environments/registered"])
def test_pages_wait_where_calls_are_throttled(shop, path):
    shop.post("/cloud/throttle", calls="2", retry_after_s="1")
    text = shop.text(path)
    assert "refused" not in text
    assert "Off." in shop.text("/cloud")


def test_the_local_cloud_says_what_it_holds(shop):
    text = shop.text("/cloud")
    assert "Microsoft.MachineLearningServices/workspaces" in text
    assert '<tr data-compute="cpu">' in text
    assert "No job runs or waits." in text


@pytest.mark.parametrize("path", ["/computes/nope", "/changes/1", "/deployments/99"])
def test_what_is_not_there_is_not_found(shop, path):
    assert shop.client.get(path).status_code == 404


def test_without_a_project_the_title_says_so_and_the_page_what_to_do(
    shop, tmp_path, monkeypatch, aml_home
):
    monkeypatch.chdir(tmp_path)
    with studio_of(Project(tmp_path, None, "none")) as elsewhere:
        for path in ("/computes", "/deployments", "/computes/new"):
            text = elsewhere.client.get(path).text
            assert "<h1>No project here</h1>" in text
            assert "aml init" in text
        assert "<h1>Nothing was changed</h1>" in elsewhere.post("/cloud/throttle", calls="x").text


def test_a_stack_that_was_never_deployed_has_empty_pages(shop, tmp_path, monkeypatch, aml_home):
    project = make_project(tmp_path / "new", None, "fresh")
    project.home.mkdir()
    monkeypatch.chdir(project.root)
    with studio_of(project) as fresh:
        assert "was never deployed" in fresh.text("/computes")
        page = fresh.text("/deployments")
        assert "The stack was never deployed." in page
        assert "The local cloud is not running, so it was not asked." in page
        assert "The local cloud is not running." in fresh.text("/cloud")
    assert not (project.home / "cloud").exists()


@pytest.mark.parametrize(("path", "says"), LIVE.items())
def test_what_a_page_shows_is_told_as_an_event_once_it_differs(shop, path, says):
    with shop.client.stream("GET", f"{path}?shown=something-else") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        event = next(line for line in lines if line.startswith("event:"))
        told = json.loads(next(lines).removeprefix("data: "))
    assert event == "event: part"
    assert says in told["html"]
    page = shop.text(path.removesuffix("/live"))
    assert f'data-part="{path}" data-shown="{told["shown"]}"' in page


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A deployed project whose local cloud was stopped since."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("AML_HOME", "AML_STACK", "PULUMI_BACKEND_URL"):
            patch.delenv(variable, raising=False)
        project = make_project(tmp_path_factory.mktemp("stopped"), None, "stopped")
        patch.chdir(project.root)
        assert run(["up", "--yes"]) == 0
        control.stop(project.home)
        with studio_of(project) as made:
            yield made
        control.stop(project.home)


@pytest.mark.parametrize("path", READ)
def test_reading_never_starts_a_local_cloud(stopped, path):
    with stopped.client.stream("GET", path) as answer:
        next(answer.iter_text())
    assert find_cloud(stopped.project.home) is None


def test_computes_of_a_stopped_cloud_are_those_of_the_state_and_the_stack_file(stopped):
    file = stopped.project.stack_file()
    before = file.read_text(encoding="utf-8")
    extra = "    - {kind: aml_compute, name: gpu, vm_size: Standard_NC4as_T4_v3, max_nodes: 2}\n"
    file.write_text(before.replace("  aml:computes:\n", f"  aml:computes:\n{extra}"), "utf-8")
    try:
        text = stopped.text("/computes")
    finally:
        file.write_text(before, encoding="utf-8")
    assert "The local cloud is stopped." in text
    rows = dict(re.findall(r'<tr data-compute="(\w+)">(.*?)</tr>', text, re.DOTALL))
    assert sorted(rows) == ["cpu", "gpu"]
    assert ("Unknown" in rows["cpu"], "STANDARD_DS3_V2" in rows["cpu"]) == (True, True)
    assert ("Not deployed" in rows["gpu"], "at most" in rows["gpu"]) == (True, True)
    assert "0 to 2" in rows["cpu"]
    assert "The local cloud is stopped." in stopped.text("/computes/cpu")


def test_a_run_on_a_stopped_cloud_says_so_and_stays_where_it_is(stopped):
    with closing(History(stopped.project.home / "history.sqlite")) as history:
        history.add(record(7, target="cpu", handle="job", state=RunState.RUNNING, ended=None))
    text = stopped.text("/runs/run7")
    assert "The local cloud is stopped, and this run with it." in text
    assert 'name="back" value="/runs/run7"' in text
    assert "run7" in stopped.text("/")
    assert find_cloud(stopped.project.home) is None


@pytest.mark.parametrize(
    ("back", "leads"),
    [("/computes", "/computes"), ("//evil.example", "/cloud"), ("https://evil.example", "/cloud")],
)
def test_a_button_starts_a_stopped_cloud_and_leads_back(stopped, back, leads):
    control.stop(stopped.project.home)
    assert "Start the local cloud" in stopped.text("/computes")
    answer = stopped.post("/cloud/start", back=back)
    assert (answer.status_code, answer.headers["location"]) == (303, leads)
    assert "The local cloud is stopped." not in stopped.text("/computes")


def test_forms_and_messages_say_things_as_people_do(shop):
    text = shop.text("/computes/new?kind=virtual_machine")
    assert "<code>aml target trust</code>" in text
    for kind in ("HDInsight cluster", "Data Lake Analytics account", "compute instance"):
        assert f">{kind}</a>" in text
    history = shop.text("/deployments")
    assert re.search(r"\d+ created", history)


def test_backticks_make_no_markup_of_what_was_typed(shop):
    answer = shop.post("/computes/new/aml_compute", name=f"`{EVIL}`", max_nodes="1")
    assert answer.status_code == 422
    assert EVIL not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text


# --- a stack of a program of one's own


@pytest.fixture(scope="module")
def own_program(tmp_path_factory, aml_home, local_cloud):
    """A project whose own program declares its computes."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("AML_HOME", "AML_STACK", "PULUMI_BACKEND_URL"):
            patch.delenv(variable, raising=False)
        project = make_project(tmp_path_factory.mktemp("own"), None, "own")
        shutil.rmtree(project.root / "stacks")
        shutil.copytree(EXAMPLE, project.root, dirs_exist_ok=True)
        program = project.root / "platform_program" / "__main__.py"
        text = program.read_text(encoding="utf-8").replace("churn-{stack", "studio-own-{stack")
        program.write_text(text, encoding="utf-8")
        project.home.mkdir()
        (project.home / "cloud").symlink_to(aml_home / "cloud")
        patch.chdir(project.root)
        assert run(["up", "--yes"]) == 0
        with studio_of(project) as made:
            yield made


def test_computes_of_an_own_program_are_listed_and_say_where_they_are_declared(own_program):
    text = own_program.text("/computes")
    assert "In the program" in text
    assert "own program declares the computes of this stack" in text
    for name in ("north-cpu", "south-cpu"):
        (row,) = re.findall(rf'<tr data-compute="{name}">(.*?)</tr>', text, re.DOTALL)
        cells = [re.sub("<[^>]+>", "", cell) for cell in re.findall(r"<td>(.*?)</td>", row)]
        assert (cells[1], cells[-1]) == ("Steady", "yes")
    assert "/computes/new" not in text


def test_a_compute_of_an_own_program_is_shown_and_not_changed(own_program):
    page = own_program.text("/computes/north-cpu")
    assert "changed and deleted there" in page
    for form in ("change", "remove"):
        assert f"/computes/north-cpu/{form}" not in page
        answer = own_program.post(f"/computes/north-cpu/{form}", max_nodes="3")
        assert answer.status_code == 400
        assert "only it can declare computes" in re.sub(r"\s+", " ", answer.text)


@pytest.mark.parametrize("path", ["/deployments", "/deployments/1", "/drift", "/cloud"])
def test_the_other_pages_of_an_own_program_are_there(own_program, path):
    assert "Not available here" not in own_program.text(path)


def test_aml_compute_lists_what_an_own_program_declared(own_program, capsys):
    assert run(["compute", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {(each["name"], each["declared"]) for each in found} >= {
        ("north-cpu", True),
        ("south-cpu", True),
    }


def test_what_is_soft_deleted_is_shown_of_a_stack_without_resources(
    tmp_path, monkeypatch, aml_home, local_cloud
):
    project = make_project(tmp_path / "gone", None, "gone")
    project.home.mkdir()
    (project.home / "cloud").symlink_to(aml_home / "cloud")
    monkeypatch.chdir(project.root)
    vault = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/gone-rg"
    with closing(local_client(project.home)) as client, studio_of(project) as shop:
        client.complete("PUT", vault, api_version="2021-04-01", body={"location": "westeurope"})
        own = f"{vault}/providers/Microsoft.KeyVault/vaults/gone-vault"
        sku = {"family": "A", "name": "standard"}
        facts = {"tenantId": SUBSCRIPTION, "sku": sku, "enableRbacAuthorization": True}
        body = {"location": "westeurope", "properties": facts}
        client.complete("PUT", own, api_version="2023-07-01", body=body)
        client.complete("DELETE", own, api_version="2023-07-01")
        assert '<th scope="row">gone-vault</th>' in shop.text("/deployments")
