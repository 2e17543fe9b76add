"""The cipher of a stack's secrets, for whatever names their key: a passphrase's salt, a vault."""

from functools import partial
from pathlib import Path

from infra.contract.load import load
from infra.contract.project import Project
from infra.contract.wrapped_key import WrappedKey
from infra.deploy.stack.passphrase import Ask, remedy_for_wrong, stack_passphrase
from infra.engine.state.secrets import (
    Cipher,
    DataKeySealer,
    Masked,
    Other,
    Sealer,
    missing_passphrase,
)


class Absent(Masked):
    """The cipher of a stack without a passphrase: it works until a secret is met."""

    def __init__(self, stack: str) -> None:
        self._stack = stack

    def seal(self, _: str) -> str:
        raise missing_passphrase(f"stack {self._stack!r}")

    def open(self, _: str) -> str:
        raise missing_passphrase(f"stack {self._stack!r}")


class OfAnother(Absent):
    """The same for another project's stack, whose state may name a vault's key all the same."""

    def __init__(self, stack: str, other: Other) -> None:
        super().__init__(stack)
        self._other = other

    def with_salt(self, salt: str) -> Cipher:
        return self._other(salt)


def cipher_with_salt(
    project: Project,
    stack: str,
    salt: str | None,
    ask: Ask | None = None,
    other: Other | None = None,
) -> Cipher:
    """Return the cipher for a salt of a stack; ``None``: a new one, of the stack's passphrase.

    Without a passphrase, it is one that fails when a secret is met. A vault is asked then, too.
    ``other`` gives the ciphers of other salts; by default, this does.
    """
    other = other or partial(cipher_with_salt, project, stack, ask=ask)
    wrapped = WrappedKey.parse(salt)
    if wrapped is not None:
        return in_vault(project.home, stack, wrapped, other)
    passphrase = stack_passphrase(project, stack, ask=ask)
    if passphrase is None:
        return Absent(stack)
    return Sealer.from_passphrase(
        passphrase,
        salt,
        stack=f"stack {stack!r}",
        remedy=remedy_for_wrong(project, stack),
        other=other,
    )


def in_vault(home: Path, stack: str, wrapped: WrappedKey, other: Other) -> DataKeySealer:
    """Return the cipher of a key that a vault's key encrypted; nothing is sent yet."""

    def unwrap() -> bytes:
        key: bytes = load("infra.deploy.stack.vault_keys:unwrapped")(home, wrapped)
        return key

    return DataKeySealer(wrapped, unwrap, stack=f"stack {stack!r}", other=other)
