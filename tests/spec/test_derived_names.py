"""Derived names are valid for every valid workspace, stable, and differ where places differ."""

import dataclasses

import pytest

from infra.catalogue.names import RULES
from infra.spec.derived_names import derived_names

RULE_OF = {
    "storage_account": "storage_account",
    "key_vault": "key_vault",
    "container_registry": "registry",
}


@pytest.mark.parametrize(
    "workspace", ["abc", "a" * 33, "0-9_x", "Ml-Prod", "___", "9" * 33, "a--b"]
)
@pytest.mark.parametrize("field", RULE_OF)
def test_names_are_valid(workspace, field):
    names = derived_names(workspace, "rg", "westeurope")
    assert RULES[RULE_OF[field]].problem(getattr(names, field)) is None


@pytest.mark.parametrize("workspace", ["abc", "a" * 33])
def test_the_log_store_fits_its_length(workspace):
    assert 4 <= len(derived_names(workspace, "rg", "westeurope").log_analytics) <= 63


@pytest.mark.parametrize(
    "place", [("demo", "rg", "northeurope"), ("demo", "rg2", "westeurope"), ("demo2", "rg", "x")]
)
def test_another_location_has_other_names(place):
    here = dataclasses.asdict(derived_names("demo", "rg", "westeurope"))
    there = dataclasses.asdict(derived_names(*place))
    assert not set(here.values()) & set(there.values())


def test_names_never_change():
    # Another name would replace a deployed storage account.
    assert derived_names("demo", "demo-rg", "westeurope") == derived_names(
        "DEMO", "Demo-RG", "WestEurope"
    )
    assert derived_names("demo", "demo-rg", "westeurope").storage_account == "demost1c01f7d3"
