"""`aml submit --input … --output …`: data of runs from the command line."""

import pytest

SHOWS = "import sys, pathlib\nprint(pathlib.Path(sys.argv[1]).read_text())"


def test_a_local_path_is_an_input(desk):
    (desk.root / "numbers.csv").write_text("1,2")
    desk.write(SHOWS)
    options = ("--source-directory", "src", "--input", "numbers=numbers.csv")
    said = desk.aml("submit", *options, "train.py", "$AZUREML_DATAREFERENCE_numbers")
    assert said.code == 0, said.err
    assert said.out == "1,2\n"


def test_all_wrong_inputs_are_named_before_anything_runs(desk):
    said = desk.submit(
        "print(1)", "--input", "a=none.csv", "--input", "1=x", "--input", "b=azureml:c"
    )
    assert said.code == 2
    for each in ("a=none.csv", "1=x", "b=azureml:c", "azureml:NAME:VERSION"):
        assert each in said.err, each


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_data_of_a_workspace_needs_one(desk, options):
    said = desk.submit("print(1)", *options, "--input", "a=azureml:people:1", "--output", "o")
    assert said.code == 2
    assert "input 'a', output 'o'" in said.err
    assert "aml up" in said.err


def test_a_dry_run_shows_where_the_data_is(desk):
    (desk.root / "n.csv").write_text("1")
    web = ("--input", "w=https://x.org/a?sig=secret0")
    said = desk.submit("print(1)", "--dry-run", "--json", "--input", "n=n.csv", *web)
    assert said.data["inputs"] == {"n": str(desk.root / "n.csv"), "w": "https://x.org/a?sig=***"}
    said = desk.submit("print(1)", "--dry-run", "--input", "n=n.csv")
    assert "input n" in said.out


RUNCONFIG = """\
script: train.py
environment:
  python: {userManagedDependencies: true, interpreterPath: python}
dataReferences:
  people:
    dataStoreName: workspaceblobstore
    pathOnDataStore: people
"""


def test_a_data_reference_that_needs_a_workspace_is_named_with_its_line(desk):
    desk.write("print(1)")
    desk.write(RUNCONFIG, ".azureml/t.runconfig")
    said = desk.aml("submit", "--source-directory", "src", "-c", "t")
    assert said.code == 2
    assert "t.runconfig:5" in said.err
    assert "input 'people'" in said.err
