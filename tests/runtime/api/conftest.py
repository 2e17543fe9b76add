"""A source folder with a script, and stands-in for data."""

import pytest

from runtime.model.data import DataInput, DataLocation, DataOutput


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "train.py").write_text("print('trained')\n", encoding="utf-8")
    return folder


class Read:
    """Data that a run reads."""

    def __init__(self, name="data", path="p"):
        self.name, self.path = name, path

    def run_input(self, used):
        name = self.name if self.name not in used else f"{self.name}_2"
        return DataInput(name, DataLocation("datastore", self.path))


class Written:
    """A folder that a run writes."""

    def run_output(self):
        return DataOutput("result")


@pytest.fixture
def read():
    return Read


@pytest.fixture
def written():
    return Written()
