"""What state relies on in every cipher, and the ciphers that keep it."""

import json

import pytest

from infra.contract.errors import PassphraseError, StateError
from infra.contract.wrapped_key import WrappedKey
from infra.engine.state.secrets import MASK, DataKeySealer, Masked, Sealer

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


WRAPPED = WrappedKey("azurekeyvault://ours.vault.azure.net/keys/state", "d3JhcHBlZA==")


class TestDataKeySealer(CipherContract):
    @pytest.fixture
    def asked(self):
        return []

    @pytest.fixture
    def cipher(self, sealer, asked):
        def unwrap():
            asked.append(1)
            return bytes(32)

        return DataKeySealer(WRAPPED, unwrap, stack="dev", other=sealer.with_salt)

    @pytest.fixture
    def message(self, cipher):
        return cipher.seal(PLAINTEXT)

    def test_it_asks_once_and_not_before_a_secret_is_met(self, cipher, asked):
        assert cipher.salt == str(WRAPPED)
        assert asked == []
        assert [cipher.open(cipher.seal(PLAINTEXT)) for _ in range(2)] == [PLAINTEXT] * 2
        assert asked == [1]

    def test_it_leaves_the_salt_of_a_passphrase_to_the_other_cipher(self, cipher, sealer):
        assert cipher.with_salt(sealer.salt).open(sealer.seal(PLAINTEXT)) == PLAINTEXT

    def test_the_same_data_key_is_its_own_under_any_url(self, cipher):
        versioned = WrappedKey(f"{WRAPPED.url}/{'0' * 32}", WRAPPED.encrypted)
        assert cipher.with_salt(str(versioned)) is cipher

    def test_a_passphrase_leaves_its_salt_to_it(self, cipher):
        sealer = Sealer.from_passphrase("any", stack="dev", other=cipher.with_salt)
        assert sealer.with_salt(cipher.salt) is cipher

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
