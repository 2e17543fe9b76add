"""Documents know the lines of their values."""

import copy

import pytest

from runtime.definitions.located import file_of, read_located


def _read(text):
    document, faults = read_located(text)
    assert not faults
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


def test_a_key_that_appears_twice_is_a_fault_of_its_line():
    document, (fault,) = read_located("a: 1\nb: 2\na: 3\n")
    assert (fault.line, fault.what) == (3, "The key 'a' appears twice.")
    assert document.get("b").value == 2


@pytest.mark.parametrize(
    ("text", "line"), [("a:\n\tb: 1\n", 2), ("a: [1\n", 2), ("b: 1\na: !!python/name:x y\n", 2)]
)
def test_text_that_cannot_be_read_names_its_line(text, line):
    _, (fault,) = read_located(text)
    assert fault.line == line


def test_a_copy_knows_its_lines_and_their_file():
    document, _ = read_located("a: 1\nb: [2]\n", "job.yml")
    (item,) = copy.deepcopy(document).get("b").items
    assert (item.value, item.line, file_of(item.line, "")) == (2, 2, "job.yml")


def test_text_without_a_document_is_null():
    assert _read("# nothing\n").is_null
