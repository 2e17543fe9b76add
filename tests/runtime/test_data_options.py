"""`--input NAME=WHERE` and `--output NAME[=WHERE]`, as the command line gives them."""

import pytest

from infra.contract.errors import UsageError
from runtime.definitions.data_options import inputs_given, outputs_given
from runtime.model.data import DataInput, DataLocation, DataOutput


@pytest.mark.parametrize(
    ("where", "location"),
    [
        ("https://x.org/a.csv", DataLocation("url", "https://x.org/a.csv")),
        ("azureml://datastores/d/paths/a/b", DataLocation("datastore", "a/b", "d")),
        ("azureml:people:3", DataLocation("asset", "people:3")),
        ("azureml:people@latest", DataLocation("asset", "people@latest")),
    ],
)
def test_an_input_says_where_it_is(tmp_path, where, location):
    assert inputs_given([f"d={where}"], tmp_path) == (DataInput("d", location),)


def test_a_path_is_relative_to_the_folder(tmp_path):
    (tmp_path / "a.csv").touch()
    assert inputs_given(["d=./a.csv"], tmp_path)[0].location.path == str(tmp_path / "a.csv")


def test_all_problems_are_reported_at_once(tmp_path):
    wrong = ["d=none.csv", "1x=a", "e=", "f=azureml:people", "g=https://x", "g=https://y"]
    with pytest.raises(UsageError) as caught:
        inputs_given(wrong, tmp_path)
    assert str(caught.value).count("\n") >= 5


def test_outputs_go_to_a_datastore(tmp_path):
    assert outputs_given(["o", "p=azureml://datastores/d/paths/x"]) == (
        DataOutput("o"),
        DataOutput("p", DataLocation("datastore", "x", "d")),
    )
    with pytest.raises(UsageError, match="datastore"):
        outputs_given(["o=here"])
