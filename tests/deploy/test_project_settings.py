"""What `Pulumi.yaml` says of the configuration of every stack, and of refreshing."""

import pytest

from infra.contract.errors import UsageError
from infra.contract.project import find_project
from infra.deploy.stack.project_settings import HIDDEN, Kind, ProjectSettings, project_settings
from infra.engine.state.secrets import Masked

TYPED = """\
config:
  size: {type: integer, default: 2}
  team: {type: string}
  tags: {type: array, items: {type: string}, default: [a]}
  word: {type: string, secret: true, default: x}
  short: 3
  aws:region: {value: eu}
  aws:retries: 5
"""


def settings(tmp_path, text, program="import pulumi"):
    (tmp_path / "__main__.py").write_text(program)
    (tmp_path / "Pulumi.yaml").write_text(f"name: shop\nruntime: python\n{text}")
    return project_settings(find_project(tmp_path))


def test_stacks_have_the_values_and_defaults_of_the_project(tmp_path):
    found = settings(tmp_path, TYPED)
    assert found.values() == {
        "shop:size": 2,
        "shop:tags": ["a"],
        "shop:word": "x",
        "shop:short": 3,
        "aws:region": "eu",
        "aws:retries": 5,
    }


@pytest.mark.parametrize(
    ("own", "wrong"),
    [
        ({}, {"shop:team": "is required"}),
        ({"shop:team": "ml", "shop:size": "4"}, {}),
        ({"shop:team": "ml", "shop:size": "four"}, {"shop:size": "has to be of type integer"}),
        ({"shop:team": ["ml"]}, {"shop:team": "has to be of type string"}),
        (
            {"shop:team": "ml", "shop:tags": [["b"]]},
            {"shop:tags": "has to be of type array<string>"},
        ),
        ({"shop:team": "ml", "shop:word": "clear"}, {"shop:word": "has to be encrypted"}),
    ],
)
def test_a_stack_has_to_suit_the_types(tmp_path, own, wrong):
    found = dict(settings(tmp_path, TYPED).problems(own, frozenset()))
    assert found.keys() == wrong.keys()
    assert all(found[key].startswith(text) for key, text in wrong.items())


def test_a_secret_that_nobody_opened_is_taken_for_right(tmp_path):
    assert Masked().open("") == HIDDEN
    found = settings(tmp_path, "config: {size: {type: integer}}")
    assert not [*found.problems({"shop:size": HIDDEN}, frozenset({"shop:size"}))]


@pytest.mark.parametrize(
    ("kind", "value", "fits"),
    [
        ("integer", 3.0, True),
        ("integer", 3.5, False),
        ("integer", True, False),
        ("integer", "-12", True),
        ("boolean", "true", True),
        ("boolean", "yes", False),
        ("object", {}, True),
        ("object", [], False),
        ("string", "3", True),
        ("string", 3, False),
    ],
)
def test_types_are_those_of_the_pulumi_cli(kind, value, fits):
    assert Kind(kind).takes(value) is fits


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("config: [a]", "config: it is a map of keys."),
        (
            "config: {size: {type: int}}",
            "config.size: type 'int': Use one of: array, boolean, integer",
        ),
        ("config: {size: {typ: integer}}", "config.size: 'typ': Did you mean 'type'?"),
        ("config: {size: {type: array}}", "config.size: an array has `items: {type: …}`."),
        (
            "config: {size: {type: integer, default: x}}",
            "config.size: the default is not of type integer.",
        ),
        ("config: {size: {default: 1, value: 2}}", "config.size: it has a default or a value"),
        ("config: {aws:region: {default: eu}}", "config.aws:region: a key of another namespace"),
        ("config: {word: {secret: maybe}}", "config.word: secret is true or false."),
        ("options: {refresh: sometimes}", "options.refresh: it is `always`, or left out."),
        ("options: [refresh]", "options: it has `refresh: always` or nothing."),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, said):
    with pytest.raises(UsageError) as refused:
        settings(tmp_path, text)
    assert said in refused.value.detail
    assert refused.value.at == str(tmp_path / "Pulumi.yaml")


def test_all_that_is_wrong_is_named_at_once(tmp_path):
    with pytest.raises(UsageError) as refused:
        settings(tmp_path, "config: {a: {typ: 1}, b: {type: int}}\noptions: {refresh: never}")
    assert len(refused.value.detail.splitlines()) == 4


def test_the_packaged_program_has_its_values_in_stack_files(tmp_path):
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\nconfig: {aml:cloud: azure}")
    with pytest.raises(UsageError, match=r"config\.aml:cloud: the packaged program reads stack"):
        project_settings(find_project(tmp_path))


def test_the_folder_of_stack_files_may_have_its_former_key(tmp_path):
    assert settings(tmp_path, "config: environments") == ProjectSettings()
    assert find_project(tmp_path).stacks == tmp_path / "environments"
