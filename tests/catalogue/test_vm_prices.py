"""The list prices of VM sizes."""

import pytest

from infra.catalogue.vm_prices import Price, price_of, price_table, read_prices
from infra.catalogue.vm_sizes import vm_sizes


@pytest.mark.parametrize("region", ["westeurope", "WestEurope"])
def test_a_size_has_a_price_in_a_region(region):
    assert price_of("standard_a1_V2", region) == Price(0.041, "westeurope")


def test_elsewhere_the_dearest_region_is_the_bound():
    assert price_of("Standard_A1_v2", "brazilsouth") == Price(0.054, "japaneast")


def test_most_sizes_have_a_price():
    priced = [name for name in vm_sizes() if price_of(name, "eastus")]
    assert len(priced) > 0.9 * len(vm_sizes())
    assert price_of("Standard_Nothing", "eastus") is None


def test_prices_of_ones_own_are_a_table_like_ours():
    table = price_table("# negotiated\nname,WestEurope\nStandard_A1_v2,0.02\n")
    assert price_of("standard_a1_v2", "westeurope", table) == Price(0.02, "westeurope")
    assert price_of("Standard_DS3_v2", "westeurope", table) is None


def test_low_priority_has_a_price_of_its_own_where_one_is_listed():
    table = price_table(
        "name,westeurope\nStandard_A1_v2,0.1\nStandard_A1_v2 Low Priority,0.02\nB,0.3\n"
    )
    low = price_of("STANDARD_A1_V2", "West Europe", table, low_priority=True)
    assert low == Price(0.02, "westeurope", low_priority=True)
    assert price_of("Standard_A1_v2", "westeurope", table) == Price(0.1, "westeurope")
    assert price_of("B", "westeurope", table, low_priority=True) == Price(0.3, "westeurope")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "first column must be `name`"),
        ("size,westeurope\n", "first column must be `name`"),
        ("# dated\nname,westeurope\nStandard_A1_v2,dear\n", "line 3: 'dear' is no price"),
        ("name,westeurope\nStandard_A1_v2,nan\n", "line 2: 'nan' is no price"),
        ("name,westeurope\nStandard_A1_v2,-1\n", "line 2: '-1' is no price"),
        ("name,westeurope\nA,1\n\nStandard_A1_v2,1,2\n", "line 4: it has 2 prices for 1 regions"),
        ("name,westeurope\nStandard_A1_v2\n", "line 2: it has 0 prices for 1 regions"),
        ("name,westeurope\nA,1\na,2\n", "line 3: there is a price of 'a' already"),
    ],
)
def test_what_is_no_table_of_prices_is_refused(text, problem):
    with pytest.raises(ValueError, match=problem):
        price_table(text)


def test_a_table_as_a_spreadsheet_writes_it_is_read(tmp_path):
    file = tmp_path / "prices.csv"
    file.write_text("name,West Europe\r\nStandard_A1_v2,0.02\r\n", encoding="utf-8-sig")
    assert price_of("standard_a1_v2", "westeurope", read_prices(file)) == Price(0.02, "westeurope")
