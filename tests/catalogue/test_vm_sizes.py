"""The catalogue of VM sizes, and the successors of retired ones."""

import pytest

from infra.catalogue.vm_sizes import RETIRED, nearest_size, successor, vm_sizes


def test_a_size_has_its_facts():
    size = vm_sizes()["standard_ds3_v2"]
    assert (size.family, size.vcpus, size.gpus) == ("standardDSv2Family", 4, 0)
    assert vm_sizes()["standard_nc4as_t4_v3"].gpus == 1


@pytest.mark.parametrize(
    ("name", "gib"), [("Standard_B1ls", 0.5), ("Standard_DS1_v2", 3.5), ("Standard_M8ms", 218.75)]
)
def test_memory_is_more_exact_than_a_gibibyte(name, gib):
    assert vm_sizes()[name.lower()].memory_mib == 1024 * gib


@pytest.mark.parametrize("name", RETIRED)
def test_a_retired_size_is_not_listed_and_its_successor_is(name):
    assert name.lower() not in vm_sizes()
    assert RETIRED[name].lower() in vm_sizes()
    assert successor(name.upper()) == RETIRED[name]


@pytest.mark.parametrize(
    ("name", "near"),
    [("Standard_DS3v2", "Standard_DS3_v2"), ("standard_d4sv3", "Standard_D4s_v3"), ("Zzz_1", None)],
)
def test_the_nearest_size(name, near):
    assert nearest_size(name) == near
