"""A key of a vault, made and used by ``azure-keyvault-keys``, unmodified."""

import os

from account import GROUP, URL, WORKSPACE, credential, refusal, report
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, EncryptionAlgorithm, KeyWrapAlgorithm

NAME = f"{GROUP}{WORKSPACE}".replace("-", "")[:20] + "kv"
SECRET = os.urandom(32)
OAEP, WRAP = EncryptionAlgorithm.rsa_oaep_256, KeyWrapAlgorithm.rsa_oaep_256

keys = KeyClient(f"{URL}/{NAME}.vault", credential(), verify_challenge_resource=False)


def remote(key):
    """Return a client that knows the key's id alone: the vault tells the rest, and decrypts."""
    return CryptographyClient(key, credential(), verify_challenge_resource=False)


first = keys.create_rsa_key("state", size=2048, tags={"team": "ml"})
used = remote(first.id)
wrapped = used.wrap_key(WRAP, SECRET)
encrypted = used.encrypt(OAEP, SECRET)
second = keys.rotate_key("state")
disabled = keys.update_key_properties("state", enabled=False)
observed = {
    "key": [first.name, first.key_type.value, len(first.key.n) * 8, first.properties.tags],
    "unwrapped": used.unwrap_key(WRAP, wrapped.encrypted_key).key == SECRET,
    "decrypted": used.decrypt(OAEP, encrypted.ciphertext).plaintext == SECRET,
    "which": [wrapped.key_id == first.id, encrypted.key_id == first.id],
    "encrypted here": used.decrypt(
        OAEP, CryptographyClient(first, credential()).encrypt(OAEP, SECRET).ciphertext
    ).plaintext
    == SECRET,
    "versions": len(list(keys.list_properties_of_key_versions("state"))),
    "names": [each.name for each in keys.list_properties_of_keys()],
    "newest": [second.id != first.id, keys.get_key("state").id == second.id],
    "disabled": [disabled.properties.enabled, refusal(remote(second.id).decrypt, OAEP, b"0" * 256)],
    "by another version": refusal(remote(first.id).decrypt, OAEP, b"0" * 256),
    "deleted": keys.begin_delete_key("state").result().name,
    "gone": refusal(keys.get_key, "state"),
}
report(observed)
