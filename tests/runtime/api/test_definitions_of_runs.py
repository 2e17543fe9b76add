"""What the details of a run say of its data."""

from pathlib import Path

import pytest

from runtime.api.runs.definition import definition, input_datasets
from runtime.model.data import DataInput, DataLocation
from runtime.model.runs import RunSpec


def inputs(*locations):
    data = tuple(DataInput(f"d{n}", each, "mount") for n, each in enumerate(locations))
    return definition(RunSpec("train.py", Path(), inputs=data))


@pytest.mark.parametrize("path", ["table:3", "table@latest"])
def test_datasets_are_inputs_by_their_id(path):
    (found,) = input_datasets(
        inputs(DataLocation("url", "https://a/b"), DataLocation("asset", path))
    )
    assert found["dataset"] == {"id": path}
    assert found["consumptionDetails"]["inputName"] == "d1"


@pytest.mark.parametrize(
    ("location", "said"),
    [
        (
            DataLocation("asset", "table:3"),
            {"dataset": {"id": "table:3", "name": "table", "version": "3"}},
        ),
        (
            DataLocation("datastore", "a/b", "lake"),
            {"dataPath": {"datastoreName": "lake", "relativePath": "a/b"}},
        ),
        (DataLocation("url", "https://u:hunter2@h/a"), {"uri": {"path": "https://u:***@h/a"}}),
    ],
)
def test_a_definition_says_where_data_is(location, said):
    found = inputs(location)["data"]["d0"]["dataLocation"]
    assert "hunter2" not in str(found)
    assert found.keys() == said.keys()
    if "uri" not in said:
        assert found == said
