"""What the plugin answers is what the provider said, in the CLI's words and without secrets."""

import pytest

from infra.arm.provider import AzureNative
from infra.contract.errors import ProviderError
from infra.contract.provider import Difference, Existing
from infra.engine.model.values import Secret, secret
from infra.engine.monitor.protobuf import from_struct, to_struct
from infra.plugin.engine_log import EngineLog
from infra.plugin.messages import described, diff_response, outputs_of
from infra.plugin.protocol import CallError, ProviderProtocol

CANARY = "c4n4ry"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Run `aml up` again.", "Run `pulumi up` again."),
        ("Run `aml config set a:b ID`.", "Run `pulumi config set a:b ID`."),
        ("Run `aml cloud start`.", "Run `aml cloud start`."),  # the CLI has no such command
    ],
)
def test_what_to_do_is_said_in_commands_of_the_cli(ours, theirs):
    text = described(ProviderError(f"{CANARY} is wrong.", remedy=ours), frozenset({CANARY}))
    assert text == f"[secret] is wrong.\n{theirs}"


def test_any_part_that_replaces_is_a_property_that_replaces():
    kinds = {"properties.size": "update", "sku[0].name": "update-replace", "location": "add"}
    answer = diff_response(
        Difference(changed=True, replaces=["location"], detailed=kinds, delete_before_replace=True)
    )
    assert [*answer.replaces] == ["location", "sku"]
    assert [*answer.diffs] == ["properties", "sku", "location"]
    assert answer.deleteBeforeReplace


def test_outputs_are_secret_where_the_provider_the_inputs_or_state_say_so():
    existing = Existing("id", {}, {"key": "k", "mine": "m", "was": "w", "name": "n"}, ["key"])
    marked = outputs_of(existing, {"mine": secret("m")}, {"was": secret("x")})
    outputs = from_struct(marked)
    assert {key for key, value in outputs.items() if isinstance(value, Secret)} == {
        "key", "mine", "was",
    }  # fmt: skip


class Broken(AzureNative):
    """A provider with a bug whose message has what it was given."""

    def __init__(self):
        pass

    def create(self, type, inputs, *, timeout_s, preview):
        raise KeyError(inputs["password"])


class OneCloud:
    def provider(self, urn, config):
        return Broken()


def test_a_bug_is_named_as_one_and_shows_no_secret():
    answers = ProviderProtocol(OneCloud(), EngineLog()).answers()
    kind, configure = answers["Configure"]
    configure(kind())
    kind, create = answers["Create"]
    with pytest.raises(CallError) as failed:
        create(
            kind(properties=to_struct({"password": secret(CANARY)}), urn="urn:pulumi:a::b::c::d")
        )
    assert "This is a bug in aml-platform, in Create" in failed.value.details
    assert "KeyError" in failed.value.details
    assert CANARY not in failed.value.details
