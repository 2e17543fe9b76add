"""What a run costs at most is shown before it is submitted."""

import json
from pathlib import Path

import pytest

from runtime.model.runs import RunSpec
from runtime.model.services import BatchOptions, DatabricksOptions
from runtime.submit.costs import cost_of, unpriced
from runtime.targets.base import Place
from runtime.targets.finding import Targets

A1 = "Standard_A1_v2"
D1 = "standard_d1_v2"


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


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        (None, ("standard_d1_v2", 2)),
        (BatchOptions(vm_size=A1, nodes=3), (A1, 3)),
        (BatchOptions("kept", create_pool=True, vm_size=A1), (A1, 2)),
        (BatchOptions("kept", vm_size=A1), None),
    ],
)
def test_a_pool_that_is_made_for_a_run_has_a_price(pool, expected):
    cost = cost_of(spec(node_count=2, batch=pool), "", "westeurope", "batch")
    assert (cost and (cost.size, cost.nodes)) == expected


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
    assert billed == {"azure": Place(A1, "westeurope"), "local": None}
    assert Targets(tmp_path / ".aml", tmp_path / "azure.json", "dev").billed("local") is None
    assert cost_of(spec(), "", "westeurope") is None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (DatabricksOptions(node_type=A1, max_workers=3), (A1, 4)),
        (DatabricksOptions(node_type=A1), (A1, 1)),
        (DatabricksOptions(node_type=A1, driver_node_type=D1, num_workers=1), (D1, 2)),
        (DatabricksOptions(node_type=A1, driver_node_type="Odd", num_workers=1), None),
        (DatabricksOptions(cluster_id="c"), "billed whether it has runs or not"),
        (DatabricksOptions(serverless=True), "Databricks' own units"),
        (DatabricksOptions(instance_pool_id="p"), "the instance pool"),
        (DatabricksOptions(node_type="Odd"), "Odd has no list price"),
    ],
)
def test_a_databricks_cluster_that_is_made_for_a_run_has_a_price(options, expected):
    run = spec(databricks=options)
    cost = cost_of(run, "", "westeurope", "databricks")
    if isinstance(expected, str):
        assert cost is None
        assert expected in unpriced(run, "", "westeurope", "databricks")
    else:
        assert (cost and (cost.size, cost.nodes)) == expected
        assert cost is None or "without Databricks' own units" in str(cost)


def test_what_a_cluster_costs_that_is_there_anyway_is_said_to_be_unknown():
    kept = spec(batch=BatchOptions("kept"))
    for run, kind in ((spec(), "hdinsight"), (kept, "batch")):
        assert "whether it has runs or not" in unpriced(run, "", "westeurope", kind)
    assert unpriced(spec(), "", "westeurope", "virtual_machine") == ""


def test_a_pool_of_a_size_without_a_list_price_is_not_said_to_be_there_anyway():
    odd = spec(batch=BatchOptions(vm_size="Odd"))
    assert unpriced(odd, "", "westeurope", "batch") == "not known: Odd has no list price here"
