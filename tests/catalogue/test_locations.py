"""Region names: display names and ARM names are the same region."""

import pytest

from infra.catalogue.locations import location_name, same_location, unlisted_region


@pytest.mark.parametrize("text", ["West Europe", "westeurope", "WestEurope", "WEST EUROPE"])
def test_every_spelling_of_a_region_has_one_name(text):
    assert location_name(text) == "westeurope"
    assert same_location(text, "West europe")


def test_different_regions_differ():
    assert not same_location("West US", "westus2")


@pytest.mark.parametrize("text", ["West Europe", "westus2"])
def test_a_region_of_azure_gets_no_remark(text):
    assert unlisted_region(text) is None


def test_a_misspelt_region_gets_the_nearest_name():
    assert unlisted_region("westeurop").endswith("Did you mean 'westeurope'?")
    assert unlisted_region("mars").endswith("regions of 2025.")
