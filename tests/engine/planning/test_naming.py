"""`pulumi:autonaming`: which name a resource gets that its program does not name."""

import json
import re

import pytest

from infra.contract.errors import UsageError
from infra.contract.provider import AutoName
from infra.engine.planning.naming import Naming, naming_of

TYPE = "lab:index:Thing"


def naming(setting, **config):
    return naming_of({"pulumi": {"autonaming": json.dumps(setting)}, "shop": config}, "shop", "dev")


def named(setting, type_=TYPE, seed=b"seed", **config):
    return naming(setting, **config).of(type_, "main", seed)


def test_without_the_setting_names_are_the_providers():
    assert naming_of({}, "shop", "dev") == Naming()
    assert Naming().of(TYPE, "main", b"") is None


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ({"mode": "default"}, None),
        ({"mode": "verbatim"}, AutoName("enforce", "main")),
        ({"mode": "disabled"}, AutoName("disabled")),
        ({"pattern": "${project}-${stack}-${name}"}, AutoName("propose", "shop-dev-main")),
        ({"pattern": "${organization}.${config.team}"}, AutoName("propose", "organization.ml")),
        ({"pattern": "${name}x", "enforce": True}, AutoName("enforce", "mainx")),
    ],
)
def test_a_mode_or_a_pattern_names_all(setting, name):
    found = named(setting, team="ml")
    assert (found and found.name) == name


@pytest.mark.parametrize(
    ("part", "form"),
    [
        ("hex(6)", "[0-9a-f]{6}"),
        ("alphanum(7)", "[a-z0-9]{7}"),
        ("string(8)", "[a-z]{8}"),
        ("num(3)", "[0-9]{3}"),
        ("uuid", "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    ],
)
def test_what_is_random_follows_the_seed(part, form):
    setting = {"pattern": f"${{name}}_${{{part}}}_${{{part}}}"}
    first, again, other = (named(setting, seed=seed) for seed in (b"1", b"1", b"2"))
    assert first == again
    assert first.name.proposed != other.name.proposed
    found = re.fullmatch(f"main_({form})_({form})", first.name.proposed)
    assert found
    assert found[1] != found.groups()[-1]


def test_a_name_without_anything_random_is_free_only_once_the_old_one_is_gone():
    assert named({"mode": "verbatim"}).delete_first
    assert named({"pattern": "${name}"}).delete_first
    assert not named({"pattern": "${name}${hex(4)}"}).delete_first


def test_the_most_particular_one_counts_and_is_expected_to_be_followed():
    setting = {
        "mode": "verbatim",
        "providers": {
            "lab": {
                "pattern": "${name}-lab",
                "resources": {"lab:index:Box": {"mode": "default"}},
            },
            "boxes": {"resources": {"boxes:index:Box": {"pattern": "box"}}},
        },
    }
    verbatim = AutoName("enforce", "main")
    general = named(setting, "other:index:Thing")
    assert (general.name, general.expected) == (verbatim, False)
    of_a_package = named(setting)
    assert (of_a_package.name, of_a_package.expected) == (AutoName("propose", "main-lab"), True)
    assert named(setting, "lab:index:Box") is None
    inherited = named(setting, "boxes:index:Bag")
    assert (inherited.name, inherited.expected) == (verbatim, True)
    assert named(setting, "boxes:index:Box").name == AutoName("propose", "box")
    enforced = {"pattern": "x", "enforce": True}
    assert named(enforced).expected


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ([], "It is no map."),
        ({"mod": "verbatim"}, "'mod': Did you mean 'mode'?"),
        ({"mode": "verbatin"}, "mode: Did you mean 'verbatim'?"),
        ({"mode": "verbatim", "pattern": "x"}, "either a mode or a pattern"),
        ({"enforce": True}, "enforce is for a pattern."),
        ({"pattern": "x", "enforce": "yes"}, "enforce is true or false."),
        ({"pattern": ["x"]}, "pattern is a text."),
        ({"pattern": "${nam}"}, "${nam}: Did you mean 'name'"),
        ({"pattern": "${hex}"}, "${hex}: Did you mean 'hex(N)'"),
        ({"pattern": "${config.team}"}, "the project has no configuration 'team'."),
        ({"providers": {"lab": 1}}, "providers.lab: It is no map."),
        (
            {"providers": {"lab": {"resources": {TYPE: {}}}}},
            f"providers.lab.resources.{TYPE}: It needs a mode or a pattern.",
        ),
    ],
)
def test_what_is_wrong_is_named(setting, said):
    with pytest.raises(UsageError) as refused:
        naming(setting)
    assert said in refused.value.detail


def test_all_that_is_wrong_is_named_at_once():
    with pytest.raises(UsageError) as refused:
        naming({"mod": 1, "providers": {"lab": {"pattern": "${nam}"}}})
    assert len(refused.value.detail.splitlines()) == 3
