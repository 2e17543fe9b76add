"""What state relies on in every cipher, and the ciphers that keep it."""

import json

import pytest

from infra.contract.errors import PassphraseError, StateError
from infra.engine.state.secrets import MASK, Masked

PLAINTEXT = json.dumps({"password": "ü", "n": 1})


class CipherContract:
    """Inherit it; give it the fixture ``cipher``, for the passphrase and salt of ``sealer``."""

    @pytest.fixture
    def cipher(self):
        raise NotImplementedError

    @pytest.fixture
    def message(self, sealer):
        return sealer.seal(PLAINTEXT)

    def test_what_it_opens_is_json(self, cipher, message):
        json.loads(cipher.open(message))

    def test_with_its_own_salt_it_opens_the_same(self, cipher, message):
        assert cipher.with_salt(cipher.salt).open(message) == cipher.open(message)

    def test_its_salt_stays(self, cipher):
        assert cipher.salt == cipher.salt
        assert cipher.with_salt(cipher.salt).salt == cipher.salt


class TestSealer(CipherContract):
    @pytest.fixture
    def cipher(self, sealer):
        return sealer

    def test_it_opens_what_it_sealed(self, cipher):
        assert cipher.open(cipher.seal(PLAINTEXT)) == PLAINTEXT

    def test_a_message_shows_neither_the_text_nor_that_it_is_the_same(self, cipher):
        one, other = cipher.seal("same"), cipher.seal("same")
        assert one != other
        assert "same" not in one

    @pytest.mark.parametrize("message", ["", "v1:a:b", "v2:AAAA:AAAA"])
    def test_a_damaged_message_is_an_error(self, cipher, message):
        with pytest.raises(StateError):
            cipher.open(message)


class TestMasked(CipherContract):
    @pytest.fixture
    def cipher(self):
        return Masked()

    def test_it_shows_the_mask_alone(self, cipher, message):
        assert json.loads(cipher.open(message)) == MASK

    def test_it_cannot_seal(self, cipher):
        with pytest.raises(PassphraseError):
            cipher.seal(PLAINTEXT)
