"""Every bad input and its messages: `bad/*.yaml` beside `messages.txt`."""

import re
from pathlib import Path

import pytest

from infra.spec.load import inspect_stack

HERE = Path(__file__).parent
CASES = sorted((HERE / "bad").glob("*.yaml"))
GOLDEN = {
    name: body.strip().splitlines()
    for name, body in re.findall(
        r"^== (\w+)\n(.*?)(?=^==|\Z)",
        (HERE / "messages.txt").read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_bad_input_has_its_message(case):
    assert [str(problem) for problem in inspect_stack(case).problems] == GOLDEN[case.stem]


def test_every_message_has_its_file():
    assert set(GOLDEN) == {case.stem for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_no_message_shows_a_credential(case):
    assert "canary" not in str(inspect_stack(case))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_lines_are_within_the_file(case):
    length = case.read_bytes().count(b"\n") + 1
    assert all(1 <= problem.line <= length for problem in inspect_stack(case).problems)
