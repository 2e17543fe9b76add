import hashlib
import json
import math
from dataclasses import replace

import pytest

from infra.contract.errors import StateError
from infra.engine.model.resources import Resource
from infra.engine.model.values import SECRET, SIGNATURE, Secret
from infra.engine.state import checkpoint, stack_files
from infra.engine.state.checkpoint import Checkpoint, parse, stack_file, timestamp
from infra.engine.state.entries import entry_of, pending_entry, resource_of
from infra.engine.state.properties import Vault, decoded, encoded
from infra.engine.state.secrets import Masked, Sealer

URN = "urn:pulumi:dev::proj::things:index:Thing::a"
EXTENSION = {"name": "e", "version": "1.0.0", "value": "dg=="}
FULL = {
    "urn": URN,
    "custom": True,
    "delete": True,
    "id": "/a",
    "type": "things:index:Thing",
    "inputs": {"a": 1, "b": [True, None, "ü"]},
    "outputs": {"x": 1.5},
    "parent": "p",
    "protect": True,
    "taint": True,
    "external": True,
    "dependencies": ["d"],
    "initErrors": ["not ready"],
    "provider": "q::1",
    "propertyDependencies": {"a": [], "b": ["d"]},
    "pendingReplacement": True,
    "additionalSecretOutputs": ["x"],
    "aliases": ["was"],
    "customTimeouts": {"create": 1800, "update": 60, "delete": 1.5},
    "importID": "/a",
    "retainOnDelete": True,
    "deletedWith": "w",
    "replaceWith": ["r"],
    "created": "2026-11-21T05:52:13.800275541Z",
    "modified": "2026-11-21T05:52:13.800275541Z",
    "sourcePosition": "project:///infra/__main__.py#34",
    "stackTrace": [{"sourcePosition": "project:///infra/__main__.py#34"}],
    "ignoreChanges": ["tags"],
    "hideDiff": ["x"],
    "replaceOnChanges": ["kind"],
    "replacementTrigger": 0,
    "refreshBeforeUpdate": True,
    "viewOf": "v",
    "resourceHooks": {"beforeCreate": ["h"]},
    "extension": EXTENSION,
    "snippetID": "s",
    "inventedNextYear": {"kept": True},
}


@pytest.fixture
def vault(sealer):
    return Vault(sealer)


@pytest.fixture(scope="module")
def demo_sealer():
    salt = "v1:EhyiRCN3P/8=:v1:88nw//wZoX5M+5MS:BSOzfhIIVd9t4Y4/7++PjBbxjzyFgg=="
    return Sealer.from_passphrase("demo", salt, stack="dev")


def written(**fields):
    return json.loads(stack_file(Checkpoint(**fields), project="proj", stack="dev", now_ns=0))


@pytest.mark.parametrize("name", ["created", "interrupted"])
def test_a_file_of_the_cli_survives_key_by_key(checkpoints, demo_sealer, name):
    data = (checkpoints / f"{name}.json").read_bytes()
    state = parse(data, at=name)
    vault = Vault(demo_sealer)
    loaded = stack_files.loaded(state, vault)
    again = Checkpoint(
        [entry_of(resource, vault) for resource in loaded.resources],
        [pending_entry(operation, vault) for operation in loaded.pending],
        demo_sealer.salt,
    )
    latest = json.loads(data)["checkpoint"]["latest"]
    rewritten = json.loads(stack_file(again, project="proj", stack="dev", now_ns=0))
    ours = rewritten["checkpoint"]["latest"]
    assert json.dumps({**ours, "manifest": 0}) == json.dumps({**latest, "manifest": 0})


def test_an_export_reads_like_the_file(checkpoints):
    state = parse((checkpoints / "created.json").read_bytes(), at="x")
    exported = parse(checkpoint.export(state, now_ns=0).encode(), at="x")
    assert exported.resources == state.resources
    assert exported.salt == state.salt


def test_every_key_keeps_its_place(vault):
    assert list(entry_of(resource_of(FULL, vault), vault).items()) == list(FULL.items())


def test_what_is_empty_or_false_is_left_out(vault):
    assert entry_of(Resource(URN, "t", custom=False), vault) == {
        "urn": URN,
        "custom": False,
        "type": "t",
    }


@pytest.mark.parametrize("key", ["inputs", "dependencies", "customTimeouts", "hideDiff"])
def test_a_key_that_is_null_is_as_if_absent(vault, key):
    entry = entry_of(resource_of({**FULL, key: None}, vault), vault)
    assert entry == {other: value for other, value in FULL.items() if other != key}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("urn", "", "`urn` is missing"),
        ("urn", "nonsense", "`urn` is no URN of Pulumi"),
        ("urn", "urn:pulumi:dev::proj::type", "`urn` is no URN of Pulumi"),
        ("type", None, "`type` is missing"),
        ("inputs", [], "`inputs` is list, not dict"),
        ("dependencies", "d", "`dependencies` is str, not list"),
        ("custom", "yes", "`custom` is str, not bool"),
    ],
)
def test_a_misshapen_entry_is_named(vault, key, value, message):
    with pytest.raises(StateError, match=message):
        resource_of({**FULL, key: value}, vault)


def test_maps_are_sorted_as_go_sorts_them(vault):
    assert list(encoded({"b": 1, "a": {"d": 1, "c": 2}}, vault, "")["a"]) == ["c", "d"]


@pytest.mark.parametrize("number", [math.inf, -math.inf])
def test_infinities_survive(vault, number):
    document = json.loads(json.dumps(encoded({"x": [number]}, vault, "")))
    assert decoded(document, vault, "") == {"x": [number]}


def test_nan_is_spelled_as_its_bits(vault):
    document = encoded(math.nan, vault, "")
    assert document[SIGNATURE] == "8ad145fe-0d11-4827-bfd7-1abcbf086f5c"
    assert document["value"] == "7ff8000000000000"
    assert math.isnan(decoded(document, vault, ""))


@pytest.mark.parametrize("value", [None, "xyz", "7ff8"])
def test_a_number_that_is_none_is_refused(vault, value):
    with pytest.raises(StateError, match="16 hexadecimal digits"):
        decoded({SIGNATURE: "8ad145fe-0d11-4827-bfd7-1abcbf086f5c", "value": value}, vault, "")


def test_whole_doubles_are_written_as_integers(vault):
    assert json.dumps(encoded([4.0, 4.5, 1e20], vault, "")) == "[4, 4.5, 100000000000000000000]"


def test_marks_this_release_does_not_know_pass(vault):
    value = {SIGNATURE: "803fd3297a5875dc03ca845dda5d2a98", "value": "/w=="}
    assert encoded(decoded(value, vault, ""), vault, "") == value


def test_a_secret_is_sealed_once_at_the_outer_mark(vault, sealer):
    document = encoded({"p": Secret({"user": "u", "key": Secret("k")})}, vault, "")
    assert document["p"][SIGNATURE] == SECRET
    assert sealer.open(document["p"]["ciphertext"]) == '{"key":"k","user":"u"}'


def test_an_unchanged_secret_keeps_its_ciphertext(vault, sealer):
    before = encoded({"p": Secret([1.0, "x"])}, Vault(sealer), "u")
    value = decoded(before, vault, "u")
    assert encoded(value, vault, "u") == before
    assert encoded({"p": Secret([2, "x"])}, vault, "u") != before


def test_equal_secrets_in_two_places_are_not_seen_to_be_equal(vault):
    document = encoded({"p": Secret("x"), "q": Secret("x")}, vault, "")
    assert document["p"] != document["q"]


def test_a_secret_in_plain_text_is_read(vault):
    assert decoded({SIGNATURE: SECRET, "plaintext": '"x"'}, vault, "") == Secret("x")


@pytest.mark.parametrize("rest", [{}, {"plaintext": "not json"}])
def test_a_secret_without_anything_in_it_is_refused(vault, rest):
    with pytest.raises(StateError, match="The secret at here"):
        decoded({SIGNATURE: SECRET, **rest}, vault, "here")


def test_a_mask_reads_secrets_without_a_key():
    value = decoded({SIGNATURE: SECRET, "ciphertext": "v1:a:b"}, Vault(Masked()), "")
    assert value == Secret("[secret]")


@pytest.mark.parametrize(
    ("entry", "feature"),
    [
        ({"taint": True}, "taint"),
        ({"replaceWith": ["r"]}, "replaceWith"),
        ({"resourceHooks": {"beforeCreate": ["h"]}}, "hooks"),
        ({"viewOf": "v"}, "views"),
        ({"refreshBeforeUpdate": True}, "refreshBeforeUpdate"),
        ({"snippetID": "s"}, "snippets-prototype"),
        ({"extension": {}, "taint": True}, "taint"),
        ({"extension": EXTENSION}, "extensionParameterization"),
        ({"inputs": {"b": [{SIGNATURE: "803fd3297a5875dc03ca845dda5d2a98"}]}}, "byteString"),
    ],
)
def test_a_feature_in_use_makes_it_version_4(entry, feature):
    document = written(resources=[{"urn": URN, **entry}])
    assert (document["version"], document["features"]) == (4, [feature])
    assert list(document) == ["version", "features", "checkpoint"]


def test_an_extension_is_kept_once_for_all_that_refer_to_it():
    entries = [{"urn": f"{URN}{name}", "extension": EXTENSION} for name in "12"]
    pending = [{"resource": {"urn": URN, "extension": EXTENSION}, "type": "creating"}]
    data = stack_file(Checkpoint(entries, pending), project="proj", stack="dev", now_ns=0)
    latest = json.loads(data)["checkpoint"]["latest"]
    reference = hashlib.sha256(b"e\0" + b"1.0.0\0" + b"v").hexdigest()
    assert latest["extensions"] == {reference: EXTENSION}
    resources = [*latest["resources"], latest["pending_operations"][0]["resource"]]
    assert [each["extensionRef"] for each in resources] == [reference] * 3
    assert "extension" not in resources[0]
    again = parse(data, at="x")
    assert (again.resources, again.pending, again.extra) == (entries, pending, {})
    with pytest.raises(StateError, match="an extension that it does not have"):
        parse(data.replace(b'"extensions":', b'"extension":'), at="x")
    with pytest.raises(StateError, match="an extension that it cannot read"):
        parse(data.replace(b'"dg=="', b'"not base64"'), at="x")


def test_it_is_version_3_again_when_the_feature_is_gone():
    assert list(written(resources=[{"urn": URN}])) == ["version", "checkpoint"]


def test_the_document_is_in_pulumis_order():
    document = written(resources=[{"urn": URN}], salt="v1:s", extra={"next": 1})
    assert document["checkpoint"]["stack"] == "organization/proj/dev"
    assert list(document["checkpoint"]["latest"]) == [
        "manifest",
        "secrets_providers",
        "resources",
        "next",
        "metadata",
    ]


def test_the_file_is_compact_and_not_escaped():
    data = stack_file(Checkpoint(metadata={"a": "<ü>"}), project="p", stack="s", now_ns=0)
    assert '"metadata":{"a":"<ü>"}'.encode() in data


def test_half_a_surrogate_pair_does_not_stop_it():
    data = stack_file(Checkpoint(metadata={"a": "\ud800"}), project="p", stack="s", now_ns=0)
    assert json.loads(data)["checkpoint"]["latest"]["metadata"] == {"a": "\ud800"}


@pytest.mark.parametrize(
    ("now_ns", "expected"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_795_240_334_442_111_685, "2026-11-21T05:52:14.442111685Z"),
        (1_500_000_000, "1970-01-01T00:00:01.5Z"),
    ],
)
def test_timestamp(now_ns, expected):
    assert timestamp(now_ns) == expected


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"version": 2}', "version is 2"),
        ('{"version": [1]}', "version is"),
        ('{"version": 4, "features": ["telepathy"], "deployment": {}}', "lacks: telepathy"),
        ('{"version": 3}', "neither `checkpoint` nor `deployment`"),
        ('{"version": 3, "deployment": []}', "deployment is not"),
        ('{"version": 3, "deployment": {"resources": {"a": 1}}}', "`resources` is not a list"),
        ('{"version": 3, "deployment": {"resources": [1]}}', "Entry 0 of `resources`"),
        ('{"version": 3, "deployment": {"manifest": 1}}', "`manifest` is not"),
        (
            '{"version": 3, "deployment": {"manifest": {"version": "a", "magic": "b"}}}',
            "`magic` does not fit",
        ),
        (
            '{"version": 3, "deployment": {"secrets_providers": {"type": "azurekeyvault"}}}',
            "'azurekeyvault'",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_file(document, message):
    with pytest.raises(StateError, match=message) as caught:
        parse(document.encode(), at="dev.json")
    assert caught.value.at == "dev.json"


CLOUD = {
    "type": "cloud",
    "state": {"url": "azurekeyvault://ours.vault.azure.net/keys/k", "encryptedkey": "SV9s"},
}


def test_a_key_in_a_vault_is_read_and_written_as_the_cli_does():
    document = {"version": 3, "deployment": {"secrets_providers": CLOUD}}
    state = parse(json.dumps(document).encode(), at="x")
    assert state.salt == "azurekeyvault://ours.vault.azure.net/keys/k#SV9s"
    assert written(salt=state.salt)["checkpoint"]["latest"]["secrets_providers"] == CLOUD


def test_a_stack_without_a_deployment_is_empty():
    assert parse(b'{"version": 3, "checkpoint": {"latest": null}}', at="x").resources == []


def test_keys_beside_ours_survive():
    state = parse(b'{"version": 3, "deployment": {"snippets": [1]}}', at="x")
    assert written(extra=state.extra)["checkpoint"]["latest"]["snippets"] == [1]


def test_an_integrity_error_of_another_writer_is_not_repeated():
    state = Checkpoint(metadata={"integrity_error": {}, "other": 1})
    assert checkpoint.without_integrity_error(state) == replace(state, metadata={"other": 1})
