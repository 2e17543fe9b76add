"""Two spellings of one value, and values that only look alike."""

import pytest

from infra.catalogue.durations import duration_s
from infra.catalogue.equality import identities, known, same
from infra.contract.provider import UNKNOWN

ID = "/subscriptions/1/resourceGroups/rg/providers/A/b/c"


@pytest.mark.parametrize(
    ("path", "one", "other"),
    [
        pytest.param("location", "West Europe", "westeurope", id="location"),
        pytest.param("scope", f"{ID}/", ID.replace("rg", "RG"), id="id, case and slash"),
        pytest.param(
            "properties.computeLocation", "westeurope", "WestEurope", id="computeLocation"
        ),
        pytest.param(
            "properties.properties.vmSize", "STANDARD_DS3_V2", "Standard_DS3_v2", id="size"
        ),
        pytest.param(
            "keyVault", ID, ID.upper().replace("/SUBSCRIPTIONS", "/subscriptions"), id="id"
        ),
        pytest.param("keyVault", ID, f"{ID}/", id="slash at the end of an id"),
        pytest.param("a.b", "PT120S", "PT2M", id="duration"),
        pytest.param("a.b", "P1D", "PT24H", id="duration of a day"),
        pytest.param("a.b", 4, 4.0, id="integral number"),
        pytest.param("a.b", "text", "text", id="text"),
        pytest.param("a.b", True, True, id="truth"),
        pytest.param("properties.publicNetworkAccess", "enabled", "Enabled", id="network access"),
    ],
)
def test_same(path: str, one, other) -> None:
    assert same(path, one, other)
    assert same(path, other, one)


@pytest.mark.parametrize(
    ("path", "one", "other"),
    [
        pytest.param("a.b", True, 1, id="truth is no number"),
        pytest.param("a.b", "Text", "text", id="text has case"),
        pytest.param("a.b", UNKNOWN, UNKNOWN, id="unknown is not even itself"),
        pytest.param("a.b", "PT1S", "PT2S", id="other duration"),
        pytest.param("a.b", "P1Y", "P12M", id="years have no length"),
        pytest.param("a.b", 4, "4", id="number and text"),
        pytest.param("location", "westeurope", "northeurope", id="other location"),
        pytest.param("a.b", None, "", id="absent and empty text"),
    ],
)
def test_different(path: str, one, other) -> None:
    assert not same(path, one, other)
    assert not same(path, other, one)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT5S", 5),
        ("PT2M", 120),
        ("P1DT1H", 90000),
        ("P1W", 604800),
        ("PT0.5S", 0.5),
        ("PT0S", 0),
        ("P", None),
        ("PT", None),
        ("5 minutes", None),
        ("", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    "value", [["/A", "/b"], {"/b": {}, "/a": {"clientId": "c"}}], ids=["list", "map"]
)
def test_identities_are_a_set(value) -> None:
    assert identities(value) == {"/a", "/b"}


def test_no_identities() -> None:
    assert identities(None) == frozenset()
    assert identities(3) == frozenset()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [1, {"b": "c"}]}, True),
        ({"a": [1, {"b": UNKNOWN}]}, False),
        (UNKNOWN, False),
        (None, True),
    ],
)
def test_known(value, expected) -> None:
    assert known(value) is expected
