"""What a run costs at most is shown before it is submitted."""

import json
from pathlib import Path

from runtime.model.runs import RunSpec
from runtime.submit.costs import cost_of
from runtime.targets.finding import Targets

A1 = "Standard_A1_v2"


def spec(**fields):
    return RunSpec("a.py", Path(), "gpu", **fields)


def test_the_bound_is_that_of_all_nodes_for_the_maximum_duration():
    cost = cost_of(spec(node_count=4, max_duration_s=7200), A1, "westeurope")
    assert str(cost) == (
        "at most 0.33 USD; 0.04 USD an hour a node"
        " (Standard_A1_v2, list price of June 2026 in westeurope)"
    )
    assert cost.document()["at_most_usd"] == 0.33


def test_a_run_without_a_limit_has_a_price_but_no_bound():
    cost = cost_of(spec(), A1, "westeurope")
    assert cost.document()["at_most_usd"] is None
    assert "`--max-duration` bounds the whole" in str(cost)


def test_only_computes_of_azure_are_billed(tmp_path):
    entry = {"kind": "aml_compute", "id": "c", "vm_size": A1}
    manifest = {
        "version": 1,
        "project": "p",
        "stack": "dev",
        "workspace": {"id": "w", "name": "w", "location": "westeurope"},
        "targets": {"gpu": entry, "box": {"kind": "virtual_machine", "id": ""}},
    }
    billed = {}
    for cloud in ("azure", "local"):
        file = tmp_path / f"{cloud}.json"
        file.write_text(json.dumps({**manifest, "cloud": cloud}))
        billed[cloud] = Targets(tmp_path / ".aml", file, "dev").billed("gpu")
    assert billed == {"azure": (A1, "westeurope"), "local": None}
    assert Targets(tmp_path / ".aml", tmp_path / "azure.json", "dev").billed("local") is None
    assert cost_of(spec(), "", "westeurope") is None
