"""Whatever the text: `aml check` answers within moments, with problems and their lines."""

import random
import time
from contextlib import suppress
from pathlib import Path

import pytest

from infra.contract.errors import PlatformError
from infra.spec.editing import StackFile
from infra.spec.load import inspect_stack, inspect_text

HEAD = """\
config:
  azure-native:location: westeurope
  aml:cloud: local
  aml:workspace: {name: demo, resource_group: demo-rg}
"""
CPU = "aml:computes: [{kind: aml_compute, name: cpu, vm_size: STANDARD_DS3_V2, max_nodes: %s}]"
AS_JSON = 'aml:computes: \'[{"kind": "aml_compute", "max_nodes": %s}]\''
TOO_LONG, TOO_DEEP = "is a number of 5,000 characters", "is nested more than 64 levels deep."
TOO_MANY, OUT_OF_RANGE = "has more than 50,000 values", "is a number out of range"
SECONDS = 2.0  # of the processor, so that a busy machine changes nothing; a bomb took 45


def lines(count, form):
    return "\n".join(form.format(i, i - 1) for i in range(1, count))


BOMB = "shop:a0: &a0 [x]\n" + lines(12, "  shop:a{0}: &a{0} [*a{1},*a{1},*a{1},*a{1},*a{1},*a{1}]")
CHAIN = "shop:a0: &a0 [x]\n" + lines(3000, "  shop:a{0}: &a{0} [*a{1}]")
MERGES = "shop:a0: &a0 {x: 1}\n" + lines(40, "  shop:a{0}: &a{0} {{<<: [*a{1}, *a{1}]}}")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (BOMB, 11, TOO_MANY),
        (CHAIN, 67, TOO_DEEP),
        (MERGES, 18, TOO_MANY),
        ("aml:tags:\n" + lines(300_000, "    k{0}: v"), 75688, "is larger than 1024 KiB."),
        ("aml:tags:\n" + lines(60_000, "    k{0}: v"), 24998, TOO_MANY),
        ("aml:tags:\n" + lines(20_000, "    k{0}: v"), 5, "aml:tags: has 19999 tags;"),
        (CPU % ("1" * 5000), 5, f"aml:computes[0].max_nodes: {TOO_LONG}"),
        (CPU % "1e400", 5, f"aml:computes[0].max_nodes: {OUT_OF_RANGE}"),
        (CPU % ("0x" + "f" * 300), 5, f"aml:computes[0].max_nodes: {OUT_OF_RANGE}"),
        (CPU % "!!int two", 5, "aml:computes[0].max_nodes: has the tag !!int, which"),
        ("shop:x: 1e400", 5, f"shop:x: {OUT_OF_RANGE}"),
        ("aml:tags: " + "[" * 20_000, 5, TOO_DEEP),
        ("shop:x: " + "[" * 20_000 + "]" * 20_000, 5, TOO_DEEP),
        ("shop:x: " + "{a: " * 20_000, 5, TOO_DEEP),
        ("shop:x:\n    " + "- " * 20_000, 6, TOO_DEEP),
        ("aml:tags: {team: !secret ml}", 5, "aml:tags.team: has the tag !secret, which cannot"),
        ("aml:tags: {team: !!binary bWw=}", 5, "aml:tags.team: has the tag !!binary, which"),
        ("? [a, b]\n  : c", 5, "a key is not plain text."),
        (f"aml:tags: '{'[' * 20_000}'", 5, f"aml:tags: {TOO_DEEP}"),
        (AS_JSON % "NaN", 5, "aml:computes: has NaN, which is not JSON."),
        (AS_JSON % "-1e400", 5, f"aml:computes: {OUT_OF_RANGE}"),
        (AS_JSON % ("1" * 5000), 5, f"aml:computes: {TOO_LONG}"),
    ],
)
def test_a_text_beyond_a_limit_is_one_problem_with_its_line(text, line, message):
    began = time.process_time()
    (problem,) = inspect_text(f"{HEAD}  {text}\n").problems
    assert time.process_time() - began < SECONDS
    assert (problem.line, message in str(problem)) == (line, True), str(problem)


@pytest.mark.parametrize(
    "text",
    [
        lines(20_000, "  aml:k{0}: v"),
        "  shop:a: 1\n" * 20_000,
        "  aml:tags:\n" + lines(20_000, "    'k{0}?': v"),
        "  aml:computes:\n" + lines(4000, "  - {{kind: aml_compute, nam: c{0}, vm_sise: x}}"),
        "  aml:tags: '{" + ",".join(f'"k{i}": 1' for i in range(60_000)) + ', "k5": 2}\'',
    ],
    ids=["unknown keys", "duplicates", "bad tags", "misspelt computes", "duplicate in JSON"],
)
def test_thousands_of_problems_are_found_in_moments(text):
    began = time.process_time()
    assert inspect_text(HEAD + text + "\n").problems
    assert time.process_time() - began < SECONDS


def test_a_text_at_the_limits_is_read():
    text = "  shop:x: " + "[" * 60 + "]" * 60 + "\n  shop:y: [" + "1e3, " * 49_000 + "]\n"
    assert inspect_text(HEAD + text).problems == ()


def test_a_huge_file_is_refused_for_its_size_though_it_is_cut_within_a_character(tmp_path):
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(HEAD + "  shop:x: " + "ü" * 1_000_000, encoding="utf-8")
    (problem,) = inspect_stack(file).problems
    assert str(problem) == "line 5: is larger than 1024 KiB."


PIECES = [
    *(
        "[",
        "]",
        "{",
        "}",
        ": ",
        "- ",
        "\n",
        "  ",
        "\t",
        "&a ",
        "*a",
        "<<: *a",
        "!x ",
        "!!int ",
        "? ",
    ),
    *("1e999", "-0", "0x", "0o8", "9" * 400, ".inf", "NaN", "~", "''", '"\\x"', "|\n", "#", "---"),
    *("\x00", "\ufeff", "\U0001f600", "\ud800", "é", "%YAML 1.1\n", "'{\"a\": [1e999]}'", "'[[['"),
    *("secure: v1:x", "encryptionsalt: [x]\n", "config:\n", "aml:computes", "aml:tags: ", "kind: "),
]
SEED_TEXT = HEAD + f"  {CPU % 2}\n  aml:tags: &a {{team: ml}}\n  shop:x: *a\nencryptionsalt: v1:x\n"


def mutated(dice):
    """Return a good stack file with a few of its parts replaced, removed or repeated."""
    text = SEED_TEXT
    for _ in range(dice.randint(1, 6)):
        at, until = sorted((dice.randint(0, len(text)), dice.randint(0, len(text))))
        kept = text[at:until] if dice.random() < 0.5 else text[at : at + 3]
        piece = dice.choice(PIECES) * dice.choice((1, 1, 1, 2, 70))
        text = dice.choice((text[:at] + piece + text[at:], text[:at] + piece + text[until:]))
        text += dice.choice(("", "", kept))
    return text


def texts(seed, count):
    dice = random.Random(seed)  # noqa: S311 - the same texts each time
    return [mutated(dice) for _ in range(count)]


@pytest.mark.parametrize("seed", range(20))
def test_any_text_has_problems_at_its_lines_or_none(seed):
    for text in texts(seed, 100):
        began = time.process_time()
        found = inspect_text(text)
        assert time.process_time() - began < SECONDS, text
        last = text.count("\n") + 1
        # A document of no lines has its problem on line 1.
        assert all(1 <= each.line <= last for each in found.problems), (text, found.problems)
        assert found.problems or found.spec or found.sealed, text


@pytest.mark.parametrize("seed", range(5))
def test_any_text_is_opened_for_editing_or_refused(seed):
    for text in texts(seed, 40):
        # Anything but an error of ours fails the test.
        with suppress(PlatformError):
            file = StackFile(text, Path("Pulumi.dev.yaml"))
            file.entries()
            file.set("aml:tags.team", "x", path=True)
            file.text()
