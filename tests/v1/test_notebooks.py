"""`aml v1 run NOTEBOOK.ipynb`: the code cells in their order, up to the first error."""

import json
import os

import pytest


def test_cells_share_their_variables_and_show_their_last_line(notebook):
    ran = notebook("x = 2", "# markdown", "y = x + 1\ny", "print(y)\ny;", "None")
    assert (ran.code, ran.out) == (0, "3\n3\n")
    assert ran.err.splitlines() == ["[cell 1]", "[cell 3]", "[cell 4]", "[cell 5]"]


def test_the_first_error_ends_it_with_cell_and_line(notebook):
    ran = notebook("x = 1", "# markdown", "y = 2\n1 / 0", "print('never')")
    assert (ran.code, ran.out) == (1, "")
    assert "error: The script failed at n.ipynb cell 3:2" in ran.err
    assert "ZeroDivisionError: division by zero\n    1 / 0" in ran.err


def test_an_import_line_of_the_sdk_works(notebook):
    ran = notebook("import azureml.core\nprint(azureml.core.VERSION)", "from azureml.core import X")
    assert ran.out == "1.61.0\n"
    assert "at n.ipynb cell 2:1" in ran.err


def test_files_are_written(notebook, tmp_path):
    ran = notebook(
        "name = 'a'", "%%writefile {name}.py\nprint(1)", "%%writefile -a a.py\n\nprint(2)"
    )
    assert ran.code == 0
    assert (tmp_path / "a.py").read_text() == "print(1)\n\nprint(2)\n"
    assert "wrote a.py" in ran.err


def test_a_file_in_a_folder_that_is_not_there_is_an_error(notebook):
    ran = notebook("%%writefile src/a.py\nprint(1)")
    assert ran.code == 2
    assert "There is no folder src." in ran.err
    assert "at n.ipynb cell 1:1" in ran.err


def test_commands_are_not_run_and_named(notebook):
    ran = notebook("!pip install --upgrade azureml-sdk\n%pip install x\nprint(1)", "%%bash\nls")
    assert (ran.code, ran.out) == (0, "1\n")
    assert "note: not run, in line 1: !pip install --upgrade azureml-sdk" in ran.err
    assert "note: cell 2 is not run: %%bash" in ran.err


def test_display_settings_mean_nothing(notebook, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)
    ran = notebook(
        "%matplotlib inline\n%load_ext autoreload\n%autoreload 2\nif True:\n    %time x = 1"
    )
    assert ran.code == 0, ran.err
    assert os.environ.pop("MPLBACKEND") == "agg"


def test_the_output_of_a_command_is_a_list_of_lines(notebook):
    ran = notebook("word = 'a b'", "said = !echo '{word}'; echo $word >&2\nprint(said, said.s)")
    assert (ran.code, ran.out) == (0, "['a b', 'a b'] a b a b\n"), ran.err


def test_a_script_that_is_run_leaves_its_variables(notebook, tmp_path):
    (tmp_path / "other.py").write_text(
        "import sys\ny = sys.argv[1:]\ntry: x\nexcept NameError: print(__name__)\n"
    )
    ran = notebook("x = 'mine'", "if True:\n    %run other.py --name {x}\ny", "%run -i other\nx")
    assert (ran.code, ran.out) == (0, "__main__\n['--name', 'mine']\n'mine'\n"), ran.err


def test_a_notebook_that_is_run_shares_the_variables(notebook, tmp_path):
    cells = [{"cell_type": "code", "source": "z = x + 1"}]
    (tmp_path / "setup.ipynb").write_text(json.dumps({"cells": cells}))
    assert notebook("x = 1", "%run ./setup.ipynb\nz").out == "2\n"


def test_an_error_of_a_script_that_is_run_names_the_cells_line(notebook, tmp_path):
    (tmp_path / "other.py").write_text("\n1 / 0\n")
    ran = notebook("x = 1\n%run other.py")
    assert "error: The script failed at n.ipynb cell 1:2" in ran.err
    assert "ZeroDivisionError: division by zero\n    %run other.py" in ran.err
    assert 'other.py", line 2' in ran.err


def test_timed_cells_run(notebook):
    assert notebook("%%time\n%matplotlib inline\nprint(1)\n2").out == "1\n2\n"
    os.environ.pop("MPLBACKEND", None)


def test_the_folder_and_variables_change(notebook, tmp_path, monkeypatch):
    monkeypatch.setenv("COLOUR", "none")
    (tmp_path / "sub").mkdir()
    ran = notebook(
        "%cd sub\n%env COLOUR=red", "import os\nprint(os.getcwd(), os.environ['COLOUR'])"
    )
    assert ran.out == f"{tmp_path / 'sub'} red\n"


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("done = !pip install x", "It is not run here: done = !pip install x"),
        ("text = %history", "It is not run here: text = %history"),
        ("%run other.py", "There is no file other.py."),
        ("%run -t other.py", "%run -t is not done here"),
        ("%%perl\nprint 1", "%%perl is not run here"),
    ],
)
def test_what_later_cells_would_miss_is_an_error(notebook, cell, said):
    ran = notebook(cell)
    assert ran.code == 2
    assert said in ran.err
    assert "at n.ipynb cell 1:1" in ran.err


@pytest.mark.parametrize(
    "cell", ["text = '''\na = %s\n!x\n'''\nprint(1)", "# only a comment\nprint(1)"]
)
def test_what_is_python_is_left_alone(notebook, cell):
    assert notebook(cell).out == "1\n"


def test_display_and_help(notebook):
    assert notebook("display(1, 'two')", "display?\n?display\nprint(3)").out == "1\ntwo\n3\n"


def test_notebooks_of_the_older_format(aml_v1):
    text = '{"worksheets": [{"cells": [{"cell_type": "code", "input": ["print(1)"]}]}]}'
    assert aml_v1("old.ipynb", text).out == "1\n"


@pytest.mark.parametrize("text", ["{", "[]", '{"cells": [{"cell_type": "code", "source": 3}]}'])
def test_what_is_no_notebook_is_refused(aml_v1, text):
    ran = aml_v1("x.ipynb", text)
    assert ran.code == 2
    assert "It is not a notebook" in ran.err
