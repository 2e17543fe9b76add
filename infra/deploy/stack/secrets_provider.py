"""Chooses and changes what encrypts a stack's secrets: a passphrase, or a key of a key vault."""

from pathlib import Path
from typing import Final

from infra.contract.errors import PassphraseError, UsageError
from infra.contract.load import load
from infra.contract.project import DEFAULT_STACK, Project
from infra.contract.wrapped_key import WrappedKey
from infra.deploy.stack.ciphers import Absent, cipher_with_salt, in_vault
from infra.deploy.stack.passphrase import Ask
from infra.deploy.stack.stacks import backend_of, cipher_of, existing_stack_file
from infra.deploy.stack.state_location import embedded_backend
from infra.engine.state.secrets import Cipher, Sealer, missing_passphrase
from infra.spec.editing import StackFile

DEFAULT_PROVIDER: Final = "passphrase"


def new_salt(project: Project, provider: str) -> str:
    """Return what a new stack's file says about its key; nothing yet for a passphrase."""
    return "" if provider == DEFAULT_PROVIDER else str(_new_data_key(project, provider))


def set_salt(file: Path, salt: str) -> None:
    """Write the key of a new stack, which has no secrets yet, to its file."""
    edited = StackFile.read(file)
    edited.salt = salt
    edited.write()


def change_provider(
    project: Project,
    stack: str,
    provider: str,
    ask: Ask | None = None,
    passphrase: str | None = None,
) -> int:
    """Encrypt a stack's secrets with a new key, in its file and its state.

    ``passphrase`` is a new one for a stack that has another; by default, ``ask`` asks for it.

    Returns how many the file has. Everything is decrypted and encrypted in memory first. Then the
    state is replaced, and the file while the state's lock is held; each names its own key. After
    an interruption between the two, both can be read, and whatever next changes the state encrypts
    it as the file says.
    """
    file = existing_stack_file(project, stack)
    edited = StackFile.read(file)
    if provider == DEFAULT_PROVIDER and edited.salt and not WrappedKey.parse(edited.salt):
        passphrase = passphrase or _another(stack, file, ask)
    elif passphrase is not None:
        raise UsageError(
            f"Stack {stack!r} has no passphrase that another could replace.",
            remedy="Set PULUMI_CONFIG_PASSPHRASE to the one that it is to have.",
            at=str(file),
        )
    if not embedded_backend(project):
        raise UsageError(
            "The state is in a backend that only the Pulumi CLI can use.",
            remedy=f"Run `pulumi stack change-secrets-provider {provider}`.",
        )
    old = cipher_of(project, stack)
    new = _new_cipher(project, stack, provider, old, ask) if passphrase is None else None
    new = new or _Successor(Sealer.from_passphrase(passphrase or "", stack=f"stack {stack!r}"), old)
    count = 0

    def changed(ciphertext: str) -> str:
        nonlocal count
        count += 1
        return new.seal(old.open(ciphertext))

    edited.reseal(changed)
    edited.salt = new.salt
    backend = backend_of(project)
    if not backend.exists(project.name, stack):
        edited.write()
        return count
    with backend.open(project.name, stack, new):  # which encrypts it anew
        edited.write()
    return count


def _another(stack: str, file: Path, ask: Ask | None) -> str:
    """Ask for a new passphrase, twice."""
    if stack == DEFAULT_STACK or ask is None:
        raise UsageError(
            f"The secrets of stack {stack!r} are encrypted with a passphrase already.",
            remedy="Give the URL of a vault's key: azurekeyvault://VAULT.vault.azure.net/keys/KEY"
            + (
                "."
                if stack == DEFAULT_STACK
                else "; or a file with another passphrase, by --passphrase-file."
            ),
            at=str(file),
        )
    new = ask(f"New passphrase of stack {stack!r}: ")
    if not new or ask("The same again: ") != new:
        raise UsageError("There is no new passphrase, or not the same twice.", remedy="Try again.")
    return new


class _Successor:
    """The cipher of a new passphrase, beside the one that it follows. A ``Cipher``."""

    def __init__(self, new: Sealer, old: Cipher) -> None:
        self._new = new
        self._old = old

    @property
    def salt(self) -> str:
        return self._new.salt

    def seal(self, text: str) -> str:
        return self._new.seal(text)

    def open(self, message: str) -> str:
        return self._new.open(message)

    def unlock(self) -> None:
        self._new.unlock()

    def with_salt(self, salt: str) -> Cipher:
        if salt == self.salt:
            return self
        again = self._new.with_salt(salt)
        try:
            again.unlock()
        except PassphraseError:
            return self._old.with_salt(salt)
        return again  # of a change that was interrupted


def _new_cipher(
    project: Project, stack: str, provider: str, old: Cipher, ask: Ask | None
) -> Cipher:
    if provider != DEFAULT_PROVIDER:
        return in_vault(project.home, stack, _new_data_key(project, provider), old.with_salt)
    cipher = cipher_with_salt(project, stack, None, ask, old.with_salt)
    if isinstance(cipher, Absent):
        raise missing_passphrase(f"stack {stack!r}")
    return cipher


def _new_data_key(project: Project, url: str) -> WrappedKey:
    wrapped: WrappedKey = load("infra.deploy.stack.vault_keys:new_data_key")(project.home, url)
    return wrapped
