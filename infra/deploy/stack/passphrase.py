"""The passphrase of a stack's secrets: the local stack's own, or the one in Pulumi's variables.

Prompts at a terminal only; without one, the caller learns that there is no passphrase.
"""

import getpass
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.contract.command_line import stack_command
from infra.contract.errors import PassphraseError
from infra.contract.private import private_folder
from infra.contract.project import DEFAULT_STACK, Project
from infra.deploy.stack.state_location import BACKEND_VARIABLE, backend_url, own_backend
from infra.engine.state.secrets import FILE_VARIABLE, VARIABLE, passphrase_from_environment

Ask = Callable[[str], str]


def stack_passphrase(
    project: Project,
    stack: str,
    *,
    environment: Mapping[str, str] | None = None,
    ask: Ask | None = None,
) -> str | None:
    """Return the passphrase of ``stack``, ``None`` if there is none.

    Stack ``local`` has one of its own in ``.aml/passphrase`` (mode 0600), created on first
    use, so that it works with nothing set. ``ask`` is called with a question only when neither
    variable is set; see ``ask_at_terminal``.
    """
    if stack == DEFAULT_STACK:
        return _own_passphrase(project.home / "passphrase")
    given = passphrase_from_environment(os.environ if environment is None else environment)
    if given is None and ask is not None:
        return ask(f"Passphrase of stack {stack!r}: ")
    return given


def passphrase_sources(stack: str, environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the variables, and the file, that a passphrase may come from, as ``(kind, name)``."""
    if stack == DEFAULT_STACK:
        return []
    file = environment.get(FILE_VARIABLE)
    return [("env", VARIABLE), ("env", FILE_VARIABLE), *([("file", file)] if file else [])]


def known_passphrase(project: Project, stack: str) -> str | None:
    """Return the passphrase of ``stack`` if it is there: none is asked for, none is created."""
    if stack == DEFAULT_STACK and not (project.home / "passphrase").exists():
        return None
    return stack_passphrase(project, stack)


def ask_at_terminal() -> Ask | None:
    """Return a function that prompts, ``None`` without a terminal: a pipeline never waits."""
    return getpass.getpass if sys.stdin.isatty() and sys.stderr.isatty() else None


def _own_passphrase(file: Path) -> str:
    try:
        text = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return _make(file)
    except OSError as error:
        raise PassphraseError(
            f"The local stack's passphrase cannot be read: {error.strerror}.",
            remedy="Make the file readable; without it the stack's secrets cannot be decrypted.",
            at=str(file),
        ) from error
    except UnicodeDecodeError as error:
        raise _damaged(file, "is damaged") from error
    if not text:
        raise _damaged(file, "is empty")
    return text


def _damaged(file: Path, how: str) -> PassphraseError:
    return PassphraseError(
        f"The local stack's passphrase file {how}.", remedy=_start_over(file), at=str(file)
    )


def _start_over(file: Path) -> str:
    """Return the two ways out: no variable overrides the local stack's own passphrase."""
    return (
        f"Restore {file} from a backup. If it is lost, start over: delete it and"
        f" {file.parent / 'state'}, remove `encryptionsalt` and the secrets from the stack file,"
        f" then run `aml cloud reset` and {stack_command('up', DEFAULT_STACK)}."
    )


def remedy_for_wrong(project: Project, stack: str) -> str | None:
    """Return what to do about a passphrase that does not fit; ``None``: set Pulumi's variables."""
    if stack != DEFAULT_STACK:
        return None
    where, own = backend_url(project), own_backend(project)
    return _start_over(project.home / "passphrase") if where == own else _not_ours(where, own)


def _not_ours(where: str, own: str) -> str:
    """Return the ways out where clones share a backend: stack ``local`` is of one of them."""
    return (
        f"If another clone deployed it to {where}, it is that clone's: each has its own"
        " local cloud, and its own passphrase in .aml/passphrase. Keep the state of yours there, by"
        f" `export {BACKEND_VARIABLE}={own}`, or give your stack a"
        " name of its own: copy its file without `encryptionsalt` to Pulumi.NAME.yaml, set"
        f" {VARIABLE}, and run {stack_command('up', 'NAME')}."
    )


def _make(file: Path) -> str:
    """Write a new passphrase under a temporary name, then link it: the first writer wins."""
    private_folder(file.parent)
    own = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as sink:
        sink.write(f"{secrets.token_urlsafe(32)}\n")
    try:
        os.link(own, file)
    except FileExistsError:
        pass
    finally:
        own.unlink()
    return file.read_text(encoding="ascii").strip()
