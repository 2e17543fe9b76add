"""Documents know the lines of their values, and all problems are told at once."""

import pytest

from infra.contract.errors import DefinitionError
from runtime.definitions.located import Problems, read_located


def _read(text):
    problems = Problems("job.yml")
    document = read_located(text, problems)
    problems.raise_any()
    return document


def test_an_entry_has_the_line_of_its_key_and_what_was_written():
    document = _read("a: 1\nb:\n  c: >-\n    long\n    text\n  d: 0.10\n")
    assert document.get("b", "c").line == 3
    assert document.get("b", "c").value == "long text"
    assert document.get("b", "d").text == "0.10"


def test_scalars_are_those_of_yaml_1_2():
    document = _read("a: yes\nb: 1:30\nc: 010\nd: 2026-01-01\n")
    assert document.plain() == {"a": "yes", "b": "1:30", "c": 10, "d": "2026-01-01"}


def test_merged_maps_do_not_override():
    document = _read("base: &b {x: 1, y: 2}\njob:\n  <<: *b\n  y: 3\n")
    assert document.get("job").plain() == {"x": 1, "y": 3}


def test_a_path_through_a_null_is_none():
    assert _read("a:\n").get("a", "b") is None


def test_a_key_that_appears_twice_is_refused_with_its_line():
    with pytest.raises(DefinitionError, match="appears twice") as raised:
        _read("a: 1\nb: 2\na: 3\n")
    assert raised.value.at == "job.yml:3"


def test_all_problems_are_told_in_the_order_of_the_file():
    problems = Problems("job.yml")
    problems.add(9, "B is wrong.", "Fix B.")
    problems.add(2, "A is wrong.", "Fix A.")
    with pytest.raises(DefinitionError) as raised:
        problems.raise_any()
    assert raised.value.detail.splitlines() == [
        "job.yml:2: A is wrong. Fix A.",
        "job.yml:9: B is wrong. Fix B.",
    ]


@pytest.mark.parametrize("text", ["a:\n\tb: 1\n", "a: [1\n", "a: !!python/name:x y\n"])
def test_text_that_cannot_be_read_names_its_line(text):
    with pytest.raises(DefinitionError) as raised:
        _read(text)
    assert raised.value.at.startswith("job.yml:")
