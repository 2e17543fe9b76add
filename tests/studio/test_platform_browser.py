"""Computes and deployments in Chromium: a cluster made, a machine attached, pages for everybody."""

import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from localcloud.vm_requests import NewMachine, VirtualMachines
from runtime.cli.root import run
from tests.deploy.project import make_project
from tests.studio.conftest import complaints
from tests.studio.shop import studio_of

pytestmark = [pytest.mark.needs_chromium, pytest.mark.slow]
SLOW_MS = 180_000
KINDS = ("aml_compute", "compute_instance", "virtual_machine", "data_lake_analytics")


@pytest.fixture(scope="module")
def shop(tmp_path_factory, aml_home, local_cloud):
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("AML_HOME", "AML_STACK", "PULUMI_BACKEND_URL"):
            patch.delenv(variable, raising=False)
        root = tmp_path_factory.mktemp("browser")
        patch.setenv("HOME", str(root))  # no known hosts
        project = make_project(root / "project", None, "browser")
        project.home.mkdir()
        (project.home / "cloud").symlink_to(aml_home / "cloud")
        patch.chdir(project.root)
        assert run(["up", "--yes"]) == 0
        with studio_of(project) as made:
            yield made


@pytest.fixture(scope="module")
def machine(shop):
    machines = VirtualMachines(shop.project.home, "machines")
    yield machines.create(NewMachine("box", "azureuser", "Standard_D2s_v3", "westeurope"))
    machines.delete("box")


@pytest.fixture(scope="module")
def planned(shop):
    """The plan of a change that destroys something, once it is made."""
    made = shop.console.remove_compute("cpu")
    deadline = time.monotonic() + SLOW_MS / 1000
    while shop.console.change(made).state.busy:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return made


def test_a_cluster_is_created_scaled_and_seen(shop, chromium):
    page = chromium.new_page()
    page.goto(shop.link())
    page.get_by_role("link", name="Computes").click()
    page.get_by_role("link", name="Create a compute").click()
    page.get_by_label("Name (required)").fill("gpu-cluster")
    page.get_by_label("Max nodes (required)").fill("999999")
    page.get_by_role("button", name="Show what it does").click()
    expect(page.get_by_role("alert")).to_contain_text(
        "Max nodes is 999999; use at most 100000.", timeout=SLOW_MS
    )
    expect(page.get_by_label("Name (required)")).to_have_value("gpu-cluster")
    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_label("Max nodes (required)").fill("3")
    page.get_by_label("VM size (required)").select_option("Standard_NC4as_T4_v3")
    page.get_by_role("button", name="Show what it does").click()
    expect(page.locator(".diff")).to_contain_text("name: gpu-cluster", timeout=SLOW_MS)
    expect(page.locator(".plan tbody tr")).to_contain_text("create", timeout=SLOW_MS)
    page.get_by_role("button", name="Apply this plan").click()
    expect(page.locator("#change .state").first).to_have_text("Done", timeout=SLOW_MS)
    expect(page.locator("tr[data-resource=platform-gpu-cluster]")).to_contain_text("done")
    expect(page.locator("#live")).to_have_text("Create compute cluster gpu-cluster: Done")
    page.locator("#change").get_by_role("link", name="Computes").click()
    expect(page.locator("tr[data-compute=gpu-cluster]")).to_contain_text("0 of 3", timeout=SLOW_MS)
    page.close()


def test_a_machine_is_attached_without_scripts(shop, machine, chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(shop.link())
    page.get_by_role("link", name="Computes").click()
    page.get_by_role("link", name="Attach a compute").click()
    assert page.locator(f"#found option[value='{machine.id}']").count() == 1
    expect(page.locator("main")).to_contain_text("chosen from 1 in the subscription: box.")
    page.get_by_label("Name (required)").fill("box")
    page.get_by_label("User (required)").fill(machine.user)
    page.get_by_label("Private key").fill(f"file:{machine.private_key}")
    page.get_by_label("Resource ID").fill(machine.id)
    page.get_by_role("button", name="Show what it does").click()
    apply = page.get_by_role("button", name="Apply this plan")
    expect(apply).to_be_visible(timeout=SLOW_MS)  # the page asks for itself again
    apply.click()
    expect(page.locator("#change .state").first).to_have_text("Done", timeout=SLOW_MS)
    page.get_by_role("link", name="Computes").first.click()
    expect(page.locator("tr[data-compute=box]")).to_contain_text("virtual machine", timeout=SLOW_MS)
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_passes_axe_and_fits_a_narrow_window(shop, planned, chromium, theme):
    forms = [f"/computes/new?kind={kind}" for kind in KINDS]
    pages = ["/computes", "/computes/cpu", "/deployments", "/deployments/1", "/drift", "/cloud"]
    found = []
    context = chromium.new_context(color_scheme=theme, viewport={"width": 420, "height": 800})
    page = context.new_page()
    said = complaints(page)
    page.goto(shop.link())
    for path in (*pages, *forms, f"/changes/{planned}"):
        page.goto(f"{shop.origin}{path}")
        violations = Axe().run(page).response["violations"]
        found += [(path, each["id"], each["nodes"][0]["html"]) for each in violations]
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        found += [(path, "wider than the window", "")] * wide
    context.close()
    assert found + said == []


def test_a_page_shows_what_happened_without_asking_again_and_again(shop, chromium):
    page = chromium.new_page()
    asked = []
    page.on("request", lambda each: asked.append((each.resource_type, each.url)))
    page.goto(shop.link())
    page.goto(f"{shop.origin}/cloud")
    asked.clear()
    faults = page.locator("#cloud")
    shop.post("/cloud/slow", type="", seconds="0.5")
    expect(faults).to_contain_text("Operations on any other type take 0.5 s.", timeout=SLOW_MS)
    page.locator("#cloud [tabindex='0']").first.focus()
    shop.post("/cloud/clear")
    page.wait_for_timeout(3000)
    expect(faults).to_contain_text("Operations on any other type take 0.5 s.")  # somebody reads
    page.get_by_role("link", name="Runs", exact=True).focus()
    expect(faults).to_contain_text("Off.", timeout=SLOW_MS)
    assert [each for each in asked if each[0] in {"document", "fetch", "xhr"}] == []
    assert [kind for kind, _ in asked].count("eventsource") <= 1
    page.close()
