"""What a stack costs, who deploys it, and where its state is."""

import os
import re
import shlex

COMPUTES = """\
    - {kind: compute_instance, name: desk, vm_size: STANDARD_DS3_V2, idle_shutdown_minutes: 30}
    - {kind: aml_compute, name: odd, vm_size: STANDARD_DS3_V2, max_nodes: 3, min_nodes: 1,
       priority: low_priority}
"""


def declare(project):
    file = project.stack_file()
    file.write_text(file.read_text() + COMPUTES, encoding="utf-8")


def test_costs_are_those_of_idle_nodes_and_of_all(project):
    declare(project)
    found = project.good("cost", "--json").data
    node = found["computes"][0]["most"] / 2
    rows = {each["name"]: each for each in found["computes"]}
    assert [rows["cpu"]["rest"], rows["desk"]["rest"], rows["odd"]["rest"]] == [0, node, node]
    assert found["usd_per_hour"] == {"rest": round(2 * node, 4), "most": round(6 * node, 4)}
    assert rows["cpu"]["most"] == round(2 * node, 4)
    assert "shuts down when idle" in rows["desk"]["remark"]
    assert "low priority costs less" in rows["odd"]["remark"]


def test_prices_may_be_ones_own(project):
    prices = project.root / "prices.csv"
    prices.write_text("name,westeurope\nStandard_DS3_v2,0.10\n", encoding="utf-8")
    said = project.good("cost", "--prices", "prices.csv")
    assert "At rest 0.00 USD an hour (0 a month), with every node running 0.20" in said.err
    prices.write_text("nothing\n", encoding="utf-8")
    assert "the first column must be `name`" in project.aml("cost", "--prices", "prices.csv").err


def test_a_backends_url_can_be_pasted_from_what_login_says(project, container, monkeypatch):
    url = os.environ["PULUMI_BACKEND_URL"]
    monkeypatch.delenv("PULUMI_BACKEND_URL")
    said = project.good("login", url).err
    command = re.search("`(aml stack migrate [^`]+)`", said)[1]
    assert shlex.split(command)[-1] == url
    assert "&" in url
    assert command.endswith("'")


def test_whoami_names_the_identity_and_where_state_is(project):
    found = project.good("whoami", "--json").data
    assert found["stack"] == found["cloud"] == "local"
    assert found["identity"].endswith(")")
    assert found["credential"] == "the local cloud's own"
    assert found["backend"] == f"file://{project.home / 'state'}"
