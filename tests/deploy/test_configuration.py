"""How a stack file's configuration reaches a program."""

import pytest

from infra.deploy.stack.configuration import encryption_salt, read_configuration

CASES = [
    pytest.param("aml:cloud: local", {"aml:cloud": "local"}, id="text"),
    pytest.param("aml:n: 4", {"aml:n": "4"}, id="number"),
    pytest.param("aml:v: 3.10", {"aml:v": "3.1"}, id="number-through-float"),
    pytest.param("aml:v: '3.10'", {"aml:v": "3.10"}, id="quoted-number"),
    pytest.param("aml:b: true", {"aml:b": "true"}, id="boolean"),
    pytest.param("aml:d: 2026-01-01", {"aml:d": "2026-01-01"}, id="date-stays-text"),
    pytest.param("aml:e:", {"aml:e": ""}, id="empty"),
    pytest.param("aml:o: {b: 1, a: [x]}", {"aml:o": '{"a":["x"],"b":1}'}, id="object-sorted"),
    pytest.param("plain: x", {"proj:plain": "x"}, id="key-of-the-project"),
]


def read(tmp_path, text, unseal=lambda _: pytest.fail("nothing is sealed")):
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(text, encoding="utf-8")
    return read_configuration(file, project="proj", unseal=unseal)


@pytest.mark.parametrize(("line", "expected"), CASES)
def test_values_reach_the_program_as_pulumi_would_hand_them(tmp_path, line, expected):
    found = read(tmp_path, f"config:\n  {line}\n")
    assert (found.values, found.secret_keys) == (expected, frozenset())


def test_a_key_is_secret_if_anything_in_it_is(tmp_path):
    text = "config:\n  aml:c: [{name: x, password: {secure: v1:a:b}}]\n  aml:d: y\n"
    found = read(tmp_path, text, unseal={"v1:a:b": "s3cret"}.__getitem__)
    assert found.values["aml:c"] == '[{"name":"x","password":"s3cret"}]'
    assert found.secret_keys == {"aml:c"}


def test_a_configuration_never_prints_its_values(tmp_path):
    found = read(tmp_path, "config:\n  aml:c: {secure: v1:a:b}\n", unseal=lambda _: "s3cret")
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("text", "salt"), [("encryptionsalt: v1:a:b\n", "v1:a:b"), ("config: {}\n", None), ("", None)]
)
def test_the_salt_is_the_files_own(tmp_path, text, salt):
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(text, encoding="utf-8")
    assert encryption_salt(file) == salt
