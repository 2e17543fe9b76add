import os
import threading

import pytest

from infra.contract.errors import PassphraseError, StateError
from infra.engine.state.secrets import Masked, Sealer, passphrase_from_environment

# Messages the Pulumi CLI sealed with the passphrase `demo`.
CLI_SALT = "v1:EhyiRCN3P/8=:v1:88nw//wZoX5M+5MS:BSOzfhIIVd9t4Y4/7++PjBbxjzyFgg=="
CLI_MESSAGES = {
    "v1:yWO6muPOepY11UUT:dH8AMepu9+1upqgDBEG04tZj93Ikso0D": '"s3cret"',
    "v1:39dIGFNtkYQR29BB:chXThQC1JY5iOIPlMXc7Nhu86qnEs2AiOQ==": '"hunter2"',
}


@pytest.fixture(scope="module")
def cli_sealer():
    return Sealer.from_passphrase("demo", CLI_SALT, stack="dev")


@pytest.mark.parametrize(("message", "text"), CLI_MESSAGES.items())
def test_what_the_cli_sealed_opens(cli_sealer, message, text):
    assert cli_sealer.open(message) == text


def test_pulumis_own_vector_fits(sealer):
    assert sealer.open(sealer.seal("…")) == "…"


def test_a_message_is_never_the_same_twice(sealer):
    assert sealer.seal("x") != sealer.seal("x")


def test_a_new_salt_is_read_by_the_next_sealer(other_sealer):
    again = Sealer.from_passphrase("another", other_sealer.salt)
    assert again.open(other_sealer.seal("secret")) == "secret"


def test_an_empty_passphrase_is_one():
    sealer = Sealer.from_passphrase("")
    assert sealer.open(sealer.seal("x")) == "x"


def test_a_wrong_passphrase_names_stack_and_variables():
    wrong = Sealer.from_passphrase("guess", CLI_SALT, stack="dev")
    with pytest.raises(PassphraseError) as caught:
        wrong.open(next(iter(CLI_MESSAGES)))
    assert "dev" in caught.value.detail
    assert "PULUMI_CONFIG_PASSPHRASE" in caught.value.remedy
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" in caught.value.remedy


def test_a_wrong_passphrase_cannot_seal_either():
    with pytest.raises(PassphraseError):
        Sealer.from_passphrase("guess", CLI_SALT).seal("x")


def test_the_key_is_derived_on_a_thread():
    sealer = Sealer.from_passphrase("password")
    assert "derive-key" in {thread.name for thread in threading.enumerate()}
    sealer.seal("x")


def test_a_process_derives_the_same_key_once():
    first = Sealer.from_passphrase("once")
    message = first.seal("x")
    threads = {*threading.enumerate()}
    again = Sealer.from_passphrase("once", first.salt)
    assert {*threading.enumerate()} <= threads
    assert again.open(message) == "x"


@pytest.mark.parametrize(
    "salt", ["nonsense", "v1:!!:v1:x:y", "v2:EhyiRCN3P/8=:v1:a:b", "v1::v1:a:b"]
)
def test_a_salt_that_is_none_is_refused(salt):
    with pytest.raises(PassphraseError, match="encryption salt of dev"):
        Sealer.from_passphrase("x", salt, stack="dev")


@pytest.mark.parametrize("message", ["", "v1:only", "v2:a:b", "v1:AAAA:AAAA", "v1:*:*"])
def test_a_damaged_message_is_refused(sealer, message):
    with pytest.raises(StateError, match="damaged"):
        sealer.open(message)


def test_the_same_salt_needs_no_second_key(sealer):
    assert sealer.with_salt(sealer.salt) is sealer
    assert sealer.with_salt(CLI_SALT) is not sealer


def test_a_mask_shows_nothing_and_seals_nothing():
    assert Masked().open("v1:a:b") == '"[secret]"'
    assert Masked().with_salt("v1:…").salt == ""
    with pytest.raises(PassphraseError):
        Masked().seal("x")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"PULUMI_CONFIG_PASSPHRASE": "p"}, "p"),
        ({"PULUMI_CONFIG_PASSPHRASE": ""}, ""),
        ({"PULUMI_CONFIG_PASSPHRASE": "", "PULUMI_CONFIG_PASSPHRASE_FILE": "/nowhere"}, ""),
        ({"PULUMI_CONFIG_PASSPHRASE_FILE": ""}, None),
    ],
)
def test_passphrase_from_environment(environment, expected):
    assert passphrase_from_environment(environment) == expected


def test_passphrase_from_a_file_is_stripped(tmp_path):
    file = tmp_path / "passphrase"
    file.write_text("  p w \n", encoding="utf-8")
    assert passphrase_from_environment({"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}) == "p w"


def test_a_passphrase_may_be_any_bytes(tmp_path):
    file = tmp_path / "passphrase"
    file.write_bytes(b"\xff\xfe\n")
    read = passphrase_from_environment({"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)})
    assert read == os.fsdecode(b"\xff\xfe")  # what Python makes of the same in a variable
    sealer = Sealer.from_passphrase(read)
    assert sealer.open(sealer.seal("x")) == "x"


def test_a_passphrase_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(PassphraseError) as caught:
        passphrase_from_environment({"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "no")})
    assert caught.value.at == str(tmp_path / "no")
