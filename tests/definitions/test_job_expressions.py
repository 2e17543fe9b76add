"""Expressions in commands and variables: literals as they are, data as quoted variables."""

import subprocess

import pytest

from runtime.definitions.job_expressions import (
    Literal,
    Variable,
    exported,
    in_shell,
    in_text,
    is_open,
    references,
    with_groups,
)

VALUES = {
    "inputs.rate": Literal("0.10"),
    "inputs.words": Literal("--a b"),
    "inputs.data": Variable("AZUREML_DATAREFERENCE_data"),
    "outputs.table": Variable("AZUREML_DATAREFERENCE_table", "/table.csv"),
    "inputs.none": None,
}
DATA = "/in a/folder"


def _said(line):
    environ = {
        "AZUREML_DATAREFERENCE_data": DATA,
        "AZUREML_DATAREFERENCE_table": "/out",
        "PATH": "/usr/bin:/bin",
    }
    return subprocess.run(
        ["bash", "-c", line], env=environ, capture_output=True, text=True, check=True
    ).stdout.splitlines()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("printf '%s\\n' ${{inputs.rate}}", ["0.10"]),
        ("printf '%s\\n' ${{ inputs.rate }}", ["0.10"]),
        ("printf '%s\\n' ${{inputs.words}}", ["--a", "b"]),
        ("printf '%s\\n' '${{inputs.words}}'", ["--a b"]),
        ("printf '%s\\n' ${{inputs.data}}", [DATA]),
        ("printf '%s\\n' ${{inputs.data}}/x.csv_${{inputs.rate}}", [f"{DATA}/x.csv_0.10"]),
        ('printf "%s\\n" "${{inputs.data}}"', [DATA]),
        ("printf '%s\\n' '${{inputs.data}}'", [DATA]),
        ("printf '%s\\n' 'a ${{inputs.data}} b'", [f"a {DATA} b"]),
        ("printf '%s\\n' \"it's ${{inputs.data}}\"", [f"it's {DATA}"]),
        ("printf '%s\\n' it\\'s ${{inputs.data}}", ["it's", DATA]),
        ("# don't\nprintf '%s\\n' ${{inputs.data}}", [DATA]),
        ("printf '%s\\n' a#'b ${{inputs.data}}'", [f"a#b {DATA}"]),
        ("printf '%s\\n' ${{outputs.table}}", ["/out/table.csv"]),
        ("X=${{inputs.data}}; printf '%s\\n' \"$X\"", [DATA]),
    ],
)
def test_bash_sees_each_value_as_one_word_where_it_is_a_path(line, words):
    assert _said(in_shell(line, VALUES)) == words


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("a $[[--rate ${{inputs.rate}}]] b", "a --rate ${{inputs.rate}} b"),
        ("a $[[--none ${{inputs.none}}]]b", "a b"),
        ("$[[--other ${{inputs.other}}]]", ""),
        ("$[[--r ${{inputs.rate}} --n ${{inputs.none}}]]", ""),
        ("$[[--flag]]", "--flag"),
        ("a $[[\n --rate ${{inputs.rate}}\n]]", "a \n --rate ${{inputs.rate}}\n"),
    ],
)
def test_a_group_vanishes_with_any_of_its_values(line, kept):
    assert with_groups(line, VALUES) == kept


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("a ${{inputs.rate}}", "a 0.10"),
        ("a${{inputs.none}}", "a"),
        ("${{inputs.data}}", None),
        ("plain", "plain"),
    ],
)
def test_a_text_is_known_unless_it_names_data(text, result):
    assert in_text(text, VALUES) == result


def test_a_variable_with_data_is_exported_by_the_shell():
    line = exported("PLACE", 'a "$b" `c` \\ ${{inputs.data}} ${{inputs.rate}}', VALUES)
    said = _said(f"{line}\nprintf '%s\\n' \"$PLACE\"")
    assert said == [f'a "$b" `c` \\ {DATA} 0.10']


@pytest.mark.parametrize(("text", "found"), [("$[[ a", True), ("${{ a", True), ("$[[a]]", False)])
def test_what_has_no_end_is_told(text, found):
    assert is_open(text) is found


def test_references_are_found_in_order():
    text = "${{inputs.a}} ${{ parent.jobs.x.outputs.y }}"
    assert list(references(text)) == ["inputs.a", "parent.jobs.x.outputs.y"]
