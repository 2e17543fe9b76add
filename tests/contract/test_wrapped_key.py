"""One text tells which key encrypted secrets: a passphrase's, or one that a vault wraps."""

import pytest

from infra.contract.wrapped_key import WrappedKey

WRAPPED = WrappedKey("azurekeyvault://safe.vault.azure.net/keys/state", "QWJj//+=")


def test_its_text_is_read_back():
    assert WrappedKey.parse(str(WRAPPED)) == WRAPPED


@pytest.mark.parametrize(
    "salt",
    [None, "", "v1:FfXIQbr1QE8=:v1:gK1tIy0W8aHvG4An:s6+2AozhosUkFvauEALHtVtKZj0uzQ==",
     # One salt in 4096 begins so.
     "v1://lm+bUsyOo=:v1:lkM6oYm7QxE95FLt:m7JdpUCPyjqGNcN5eJ5WrsKp/3NXsg=="],
)  # fmt: skip
def test_the_salt_of_a_passphrase_is_none(salt):
    assert WrappedKey.parse(salt) is None
