"""One change in a stack file is one change in its text: cases of before, change and after."""

import re
from pathlib import Path

import pytest

from infra.contract.errors import SpecError, UnknownNameError, UsageError
from infra.spec.credentials import Sealed
from infra.spec.editing import StackFile, parse_path, typed

HERE = Path(__file__).parent
STACKS = sorted((HERE.parents[1] / "stacks").glob("Pulumi.*.yaml"))
CASES = dict(
    re.findall(
        r"^=== (.+?)\n(.*?)(?=^===|\Z)",
        (HERE / "edits.txt").read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
)


def edited(text, *commands):
    file = StackFile(text, Path("Pulumi.dev.yaml"))
    for command in commands:
        verb, key, *value = command.split(" ", 2)
        path = key.startswith("@")
        key = key.removeprefix("@")
        match verb:
            case "set":
                file.set(key, value[0], path=path)
            case "seal":
                file.set(key, Sealed(value[0]), path=path)
            case "rm":
                file.remove(key, path=path)
            case "reseal":
                file.reseal("{} again".format)
            case "salt":
                file.salt = key
    return file.text()


@pytest.mark.parametrize("name", CASES)
def test_an_edit_changes_nothing_else(name):
    commands, before, after = CASES[name].split("---\n")
    assert edited(before, *commands.strip().splitlines()) == after.rstrip("\n") + "\n"


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.stem)
def test_reading_and_writing_changes_nothing(file):
    text = file.read_text(encoding="utf-8")
    assert StackFile(text, file).text() == text


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.stem)
def test_setting_and_removing_a_value_leaves_the_file_as_it_was(file):
    text = file.read_text(encoding="utf-8")
    added = edited(text, "set @aml:computes[0].tags.x y", "set aml:zone 1")
    assert edited(added, "rm aml:zone", "rm @aml:computes[0].tags") == text


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("aml:cloud", ("aml:cloud",)),
        ("aml:computes[0].vm_size", ("aml:computes", 0, "vm_size")),
        ('aml:tags["cost.center"]', ("aml:tags", "cost.center")),
        (r'aml:tags["a\"b"].c', ("aml:tags", 'a"b', "c")),
        ("aml:a[0][1]", ("aml:a", 0, 1)),
    ],
)
def test_paths(text, steps):
    assert parse_path(text) == steps


@pytest.mark.parametrize("text", ["", "[0]", "aml:computes[x]", "aml:computes[0", 'aml:a["b]'])
def test_a_malformed_path_is_rejected(text):
    with pytest.raises(UsageError, match="not a path"):
        parse_path(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("4", 4), ("-1", -1), ("0", 0), ("true", True), ("false", False)]
    + [(text, text) for text in ("007", "1.5", "True", "yes", "", "4 ", "v4", "null")],
)
def test_with_a_path_values_are_typed_as_in_pulumi(text, value):
    assert typed(text) == value
    assert type(typed(text)) is type(value)


BASE = """\
config:
  aml:cloud: local
  aml:tags:
    team: ml
  aml:computes:
    - name: cpu
      admin:
        password:
          secure: v1:AAAA:AAAA
"""


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("set @aml:computes[2].name x", "beyond the end of the list, which has 1"),
        ("set @aml:cloud.name x", "neither map nor list"),
        ("set @aml:tags[0] x", "the parent is a map"),
        ("set @aml:computes.name x", "the parent is a list"),
        ("set @aml:computes[0].admin.password.secure x", "inside a secret"),
        ("set @aml:new[1] x", "beyond the end of the list, which has 0"),
    ],
)
def test_a_path_that_does_not_fit_is_rejected(command, says):
    with pytest.raises(UsageError, match=says):
        edited(BASE, command)


@pytest.mark.parametrize("command", ["rm aml:clud", "rm @aml:tags.tem", "rm @aml:computes[1]"])
def test_removing_a_missing_value_suggests_the_nearest(command):
    with pytest.raises(UnknownNameError, match=r"There is no 'aml:"):
        edited(BASE, command)


def test_values_are_read_as_plain_data():
    file = StackFile(BASE, Path("Pulumi.dev.yaml"))
    assert file.get("aml:tags") == {"team": "ml"}
    assert file.get("aml:computes[0].name", path=True) == "cpu"
    assert file.get("aml:computes[0].admin.password", path=True) == Sealed("v1:AAAA:AAAA")


def test_a_path_reaches_into_json_text():
    file = StackFile('config:\n  aml:tags: \'{"team": "ml"}\'\n', Path("x"))
    assert file.get("aml:tags.team", path=True) == "ml"


@pytest.mark.parametrize("text", ["config: [", "- a", "just text"])
def test_a_file_that_is_not_a_stack_file_is_rejected(text):
    with pytest.raises(SpecError):
        StackFile(text, Path("x"))


def test_a_file_is_replaced_atomically_and_keeps_its_mode(tmp_path):
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(BASE)
    path.chmod(0o600)
    file = StackFile.read(path)
    file.set("aml:cloud", "azure")
    file.write()
    assert path.read_text() == BASE.replace("local", "azure")
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_stack_file_that_is_a_link_stays_one(tmp_path):
    real, link = tmp_path / "shared.yaml", tmp_path / "Pulumi.dev.yaml"
    real.write_text("config:\n  aml:cloud: local\n", encoding="utf-8")
    link.symlink_to(real)
    file = StackFile.read(link)
    file.set("aml:cloud", "azure")
    file.write()
    assert link.is_symlink()
    assert "azure" in real.read_text(encoding="utf-8")
