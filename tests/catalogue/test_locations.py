"""Region names: display names and ARM names are the same region."""

import pytest

from infra.catalogue.locations import location_name, same_location


@pytest.mark.parametrize("text", ["West Europe", "westeurope", "WestEurope", "WEST EUROPE"])
def test_every_spelling_of_a_region_has_one_name(text):
    assert location_name(text) == "westeurope"
    assert same_location(text, "West europe")


def test_different_regions_differ():
    assert not same_location("West US", "westus2")
