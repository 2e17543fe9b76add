"""Providers as resources: default and explicit ones, their configuration, and who uses which."""

import pytest

from infra.contract.provider import UNKNOWN
from infra.engine.deployment.providers import default_name, package_of
from infra.engine.model.events import Finished, Op
from infra.engine.model.goals import Alias
from infra.engine.model.values import Secret
from tests.engine.cloud import STACK_URN, THING, Account, Stage, nothing

PROVIDER = "pulumi:providers:test"


def explicit(p, name="mine", parent=STACK_URN, **options):
    inputs = {"account": options.pop("account", "1"), **options.pop("inputs", {})}
    made = p.resource(name, PROVIDER, inputs, parent=parent, **options)
    return f"{made.urn}::{made.id or UNKNOWN}"


@pytest.mark.parametrize(
    ("version", "url", "name"),
    [
        ("", "", "default"),
        ("3.29.0", "", "default_3_29_0"),
        ("1.0.0-alpha.1+b", "", "default_1_0_0_alpha_1_b"),
        ("1.0.0", "https://x.y/z", "default_1_0_0_https_/x.y/z"),
    ],
)
def test_names_of_default_providers(version, url, name):
    assert default_name(version, url) == name


@pytest.mark.parametrize(
    ("token", "package"),
    [("a:b:C", "a"), ("pulumi:providers:a", "a"), ("pulumi:providers:a/method", "a")],
)
def test_package_of_a_token(token, package):
    assert package_of(token) == package


def test_provider_version_and_config_are_inputs(accounts):
    accounts.config = {"test": {"account": "1", "key": Secret("s")}}
    result = accounts.up(lambda p: p.resource("a", version="3.29.0"))
    stored = result.resource("default_3_29_0")
    assert stored.inputs == {
        "account": "1",
        "key": Secret("s"),
        "version": "3.29.0",
        "__internal": {},
    }
    assert "__internal" not in stored.outputs
    assert stored.outputs["key"] == Secret("s")
    assert stored.parent == ""
    assert accounts.providers[-1].config == {"account": "1", "key": "s", "version": "3.29.0"}


def test_two_versions_are_two_default_providers(accounts):
    accounts.up(lambda p: (p.resource("a", version="1.0.0"), p.resource("b", version="2.0.0")))
    names = [r.name for r in accounts.loaded.resources if r.type == PROVIDER]
    assert names == ["default_1_0_0", "default_2_0_0"]


def test_another_version_of_the_default_provider_replaces_nothing(accounts):
    accounts.up(lambda p: p.resource("a", version="1.0.0"))
    result = accounts.up(lambda p: p.resource("a", version="2.0.0"))
    assert result.steps == [(Op.SAME, "a")]
    assert "default_2_0_0" in result.resource("a").provider
    assert [r.name for r in accounts.loaded.resources if r.type == PROVIDER] == ["default_2_0_0"]


def test_default_providers_are_not_reported(accounts):
    result = accounts.up(lambda p: p.thing("a"))
    assert not [e for e in result.events if isinstance(e, Finished) and e.step.type == PROVIDER]


def test_explicit_provider(accounts):
    first = accounts.up(lambda p: p.resource("a", provider=explicit(p)))
    assert first.steps == [(Op.CREATE, "mine"), (Op.CREATE, "a")]
    again = accounts.up(lambda p: p.resource("a", provider=explicit(p)))
    assert again.notebook.writes == []
    gone = accounts.up(nothing)
    assert gone.steps == [(Op.DELETE, "a"), (Op.DELETE, "mine")]


def test_updating_a_provider_replaces_nothing(accounts):
    accounts.up(lambda p: p.resource("a", provider=explicit(p)))
    result = accounts.up(lambda p: p.resource("a", provider=explicit(p, inputs={"tag": "t"})))
    assert result.steps == [(Op.UPDATE, "mine"), (Op.SAME, "a")]
    assert accounts.providers[-1].config["tag"] == "t"


def test_replacing_a_provider_replaces_its_resources(accounts):
    accounts.up(lambda p: p.resource("a", provider=explicit(p)))
    result = accounts.up(lambda p: p.resource("a", provider=explicit(p, account="2")))
    assert {Op.REPLACE} <= {op for op, name in result.steps if name == "a"}
    assert (Op.REPLACE, "mine") in result.steps
    assert result.steps[-2:] == [(Op.DELETE_REPLACED, "a"), (Op.DELETE_REPLACED, "mine")]
    assert result.names == ["mine", "a"]
    assert result.resource("a").provider.endswith(result.resource("mine").id)


def test_renaming_a_provider_does_nothing_to_its_resources(accounts):
    accounts.up(lambda p: p.resource("a", provider=explicit(p)))
    former = (Alias(name="mine"),)

    def script(p):
        p.resource("a", provider=explicit(p, "yours", aliases=former))

    assert accounts.up(script).steps == [(Op.SAME, "yours"), (Op.SAME, "a")]


def test_moving_to_another_account_replaces(accounts):
    accounts.config = {"test": {"account": "1"}}
    accounts.up(lambda p: p.thing("a"))
    result = accounts.up(lambda p: p.resource("a", provider=explicit(p, account="2")))
    assert (Op.REPLACE, "a") in result.steps
    same = accounts.up(lambda p: p.resource("a", provider=explicit(p, "other", account="2")))
    assert (Op.SAME, "a") in same.steps


def test_provider_of_another_package_is_not_used(accounts):
    def script(p):
        wrong = "urn:pulumi:dev::proj::pulumi:providers:other::o::1"
        p.resource("a", provider=wrong)

    assert "::default::" in accounts.up(script).resource("a").provider


def test_provider_inheritance(accounts):
    def script(p):
        mine = explicit(p)
        outer = p.component("outer", providers={"test": mine})
        inner = p.component("inner", parent=outer.urn)
        child = p.resource("child", parent=inner.urn)
        p.resource("grandchild", parent=child.urn)
        single = p.component("single", provider=mine)
        p.resource("other", parent=single.urn)

    result = accounts.up(script)
    for name in ("child", "grandchild", "other"):
        assert "::mine::" in result.resource(name).provider


def test_provider_same_uses_old_inputs(accounts):
    accounts.config = {"test": {"account": "1", "__own": "old"}}
    accounts.up(lambda p: p.thing("a"))
    accounts.config = {"test": {"account": "1", "__own": "new"}}
    result = accounts.up(lambda p: p.thing("a"))
    assert accounts.providers[-1].config["__own"] == "old"
    assert result.resource("default").inputs["__own"] == "new"


@pytest.mark.parametrize("denied", ['["test"]', '["*"]'])
def test_default_providers_can_be_denied(accounts, denied):
    accounts.config = {"pulumi": {"disable-default-providers": denied}}
    result = accounts.up(lambda p: p.thing("a"))
    assert "The default provider of package 'test' is disabled" in result.errors
    assert not accounts.up(lambda p: p.resource("a", provider=explicit(p))).summary.failed


@pytest.mark.parametrize("denied", ["test", '"test"', "[1]", "{}"])
def test_what_is_no_list_of_denied_packages_is_refused(accounts, denied):
    accounts.config = {"pulumi": {"disable-default-providers": denied}}
    assert "which is no list of packages" in accounts.up(lambda p: p.thing("a")).errors


def test_the_default_provider_that_failed_is_one_error_and_all_that_need_it_fail(accounts):
    accounts.config = {"test": {"account": "bad"}}
    answers = []

    def script(p):
        answers.extend((p.thing("a"), p.thing("b")))

    result = accounts.up(script, continue_on_error=True)
    assert result.errors.count("account: is bad") == 1
    assert [answer.failed for answer in answers] == [True, True]


def test_a_provider_must_keep_the_version(accounts):
    result = accounts.up(lambda p: p.resource("a", version="dropped"))
    assert "returned another version" in result.errors


def test_two_configurations_are_two_objects(accounts):
    def script(p):
        p.resource("a", provider=explicit(p, "one", account="1"))
        p.resource("b", provider=explicit(p, "two", account="2"))
        p.resource("c", provider=explicit(p, "again", account="1"))

    accounts.up(script)
    assert [name for verb, name in accounts.cloud.calls if verb == "configure"] == ["1", "2"]


class Single(Account):
    """A provider with a configuration of which there can be one only."""

    another = None


def test_a_second_configuration_of_such_a_provider_is_refused():
    stage = Stage(Single)

    def script(p):
        explicit(p, "one", account="1")
        explicit(p, "two", account="2")

    assert "one configuration at a time" in stage.up(script).errors


def test_an_upgrade_needs_one_object_only():
    stage = Stage(Single)
    stage.up(lambda p: (p.resource("a", version="1"), p.resource("b", version="1")))
    assert not stage.up(lambda p: p.resource("a", version="2")).summary.failed
    assert len(stage.cloud.things) == 1


def test_unknown_configuration_in_a_preview(accounts):
    def script(p, account):
        p.on(p.thing("z"), "b", provider=explicit(p, account=account))

    first = accounts.preview(lambda p: script(p, UNKNOWN))
    assert (Op.CREATE, "b") in first.steps
    accounts.up(lambda p: script(p, "1"))
    assert not accounts.preview(lambda p: script(p, UNKNOWN)).summary.failed


def test_a_read_through_an_unknown_configuration(accounts):
    def script(p):
        p.get("a", "/x", provider=explicit(p, account=UNKNOWN))

    assert (Op.READ, "a") in accounts.preview(script).steps


def test_destroy_without_program_configures_from_state(accounts):
    accounts.up(lambda p: p.resource("a", provider=explicit(p, account="7")))
    accounts.config = {}
    accounts.destroy()
    assert accounts.providers[-1].config == {"account": "7"}
    assert accounts.cloud.things == {}


def test_a_reference_to_no_provider_is_refused(accounts):
    reference = f"urn:pulumi:dev::proj::{PROVIDER}::gone::1"
    result = accounts.up(lambda p: p.resource("a", THING, provider=reference))
    assert "is not part of this stack" in result.errors


def test_the_replace_option_replaces_a_provider(accounts):
    accounts.up(lambda p: p.resource("a", provider=explicit(p)))
    urn = next(r.urn for r in accounts.loaded.resources if r.name == "mine")
    chosen = frozenset({urn})
    result = accounts.up(lambda p: p.resource("a", provider=explicit(p)), replace=chosen)
    assert (Op.REPLACE, "mine") in result.steps
    assert (Op.SAME, "a") in result.steps


def test_a_provider_without_configuration_can_be_explicit(stage):
    result = stage.up(lambda p: p.resource("a", provider=explicit(p)))
    assert result.names == ["mine", "a"]
    changed = stage.up(lambda p: p.resource("a", provider=explicit(p, account="2")))
    assert changed.steps == [(Op.UPDATE, "mine"), (Op.SAME, "a")]


def test_inputs_are_compared_when_the_provider_does_not_know(accounts):
    accounts.cloud.unsure = True
    accounts.up(explicit)
    assert accounts.up(explicit).steps == [(Op.SAME, "mine")]
    assert accounts.up(lambda p: explicit(p, account="2")).steps == [(Op.UPDATE, "mine")]


def test_the_download_url_stays_internal(accounts):
    url = "https://example.org/x"
    result = accounts.up(lambda p: p.resource("a", plugin_download_url=url))
    stored = result.resource("default_https_/example.org/x")
    assert stored.inputs["__internal"] == {"pluginDownloadURL": url}
    assert "__internal" not in accounts.providers[-1].config
