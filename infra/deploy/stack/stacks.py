"""One stack, opened: its file, what it declares, its state, and the key of its secrets.

Listing, moving and removing stacks is here too; deploying one is in `run.stack_operations`.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from infra.contract.command_line import stack_command
from infra.contract.credential_kinds import declare
from infra.contract.errors import (
    NotDeployedError,
    PlatformError,
    StateError,
    UnknownNameError,
    UsageError,
)
from infra.contract.inheritance import all_extended
from infra.contract.json_types import Document
from infra.contract.load import look_up, nearest
from infra.contract.private import private_file, private_folder
from infra.contract.project import Project, find_project, overlooked
from infra.contract.shadows import require_own_packages
from infra.contract.wrapped_key import WrappedKey
from infra.deploy.stack.ciphers import Absent, OfAnother, cipher_with_salt, in_vault
from infra.deploy.stack.configuration import (
    Configuration,
    declared_credential,
    encryption_salt,
    read_configuration,
)
from infra.deploy.stack.passphrase import (
    ask_at_terminal,
    known_passphrase,
)
from infra.deploy.stack.project_settings import ProjectSettings, project_settings
from infra.deploy.stack.state_location import (
    BACKEND_VARIABLE,
    LOGIN,
    backend_url,
    embedded_backend,
)
from infra.engine.model.resources import STACK_TYPE, Loaded
from infra.engine.model.values import hidden, plain
from infra.engine.state.backend import StateBackend
from infra.engine.state.secrets import (
    Cipher,
    DataKeySealer,
    Masked,
    Sealer,
    passphrase_from_environment,
)
from infra.spec.load import load_program_stack, load_stack
from infra.spec.problems import file_error
from infra.spec.program import ProgramSpec
from infra.spec.stack import StackSpec

Secrets = Literal["opened", "opened_if_possible", "hidden"]
"""What a command needs of a stack's secrets; only ``opened`` may ask for the passphrase."""
_OURS: Final = "azure-native:"


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack of a project, validated and ready to be deployed."""

    project: Project
    name: str
    file: Path
    declared: StackSpec | ProgramSpec
    configuration: Configuration
    cipher: Cipher
    settings: ProjectSettings = field(default_factory=ProjectSettings)

    @property
    def cloud(self) -> Literal["local", "azure"]:
        return self.declared.cloud

    @property
    def own_program(self) -> bool:
        """Whether the program is the project's own, not the packaged one."""
        return not self.project.runs_packaged_program

    @property
    def spec(self) -> StackSpec:
        """What the file declares; ``UsageError`` if only a program of one's own knows that."""
        if isinstance(self.declared, StackSpec):
            return self.declared
        raise UsageError(
            f"The program in {self.project.main} is your own, so only it knows what its stacks "
            "declare.",
            remedy="Use preview, up, refresh, destroy and outputs, which work with any program.",
            at=str(self.file),
        )

    @property
    def backend(self) -> StateBackend:
        return backend_of(self.project)


def open_stack(name: str | None, *, secrets: Secrets = "opened") -> Stack:
    """Return the stack a command uses (``None``: the selected one); every problem is reported.

    The key of its secrets starts being derived here, on a thread, so that nobody waits for it. A
    command that shows no secret leaves them ``hidden``: then nobody is asked for a passphrase.
    """
    project = find_project()
    stack = name or project.selected_stack()
    file = existing_stack_file(project, stack)
    declare(declared_credential(file))
    cipher = _cipher(project, stack, secrets)
    require_own_packages(project.main)
    spec = load_stack(file) if project.runs_packaged_program else load_program_stack(file)
    settings = project_settings(project)
    configuration = read_configuration(
        file, project=project.name, unseal=cipher.open, settings=settings
    )
    if secrets != "opened" and any(key.startswith(_OURS) for key in configuration.secret_keys):
        return open_stack(name)  # how to reach Azure is in a secret
    return Stack(project, stack, file, spec, configuration, cipher, settings)


def with_file(stack: Stack, file: Path) -> Stack:
    """Return a stack as if its file had the content of another one, whose problems are reported."""
    ours = stack.project.runs_packaged_program
    salt = encryption_salt(file)
    cipher = cipher_with_salt(stack.project, stack.name, salt) if salt else stack.cipher
    return replace(
        stack,
        declared=load_stack(file) if ours else load_program_stack(file),
        configuration=read_configuration(
            file, project=stack.project.name, unseal=cipher.open, settings=stack.settings
        ),
        cipher=cipher,
    )


def existing_stack_file(project: Project, stack: str) -> Path:
    """Return the stack's file; ``UnknownNameError`` names the nearest stack that has one."""
    file = project.stack_file(stack)
    if file.is_file():
        return file
    known = dict.fromkeys(stack_names(project))
    near = nearest(stack, known, noun="stack") + f" Create it with `aml stack init {stack}`."
    raise UnknownNameError(
        f"There is no stack {stack!r} ({file.name} does not exist).",
        remedy=overlooked(project.stacks) or near,
        at=str(project.stacks),
    )


def existing_stack(project: Project, name: str | None) -> str:
    """Return the stack a command uses, if it has a file or state (``None``: the selected one)."""
    stack = name or project.selected_stack()
    if not project.stack_file(stack).is_file():
        deployed = backend_of(project).stacks(project.name)
        if stack not in deployed:
            existing_stack_file(project, stack)
    return stack


def stack_names(project: Project) -> Sequence[str]:
    """Return the names of all stacks that have a file."""
    files = sorted(project.stacks.glob("Pulumi.*.yaml"))
    return [file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in files]


def log_in(project: Project, url: str) -> None:
    """Use a backend from now on, in this clone, once it has answered."""
    for name, source in (
        (os.environ.get(BACKEND_VARIABLE), BACKEND_VARIABLE),
        (project.backend_url, "`backend.url` in Pulumi.yaml"),
    ):
        if name and name != url:
            raise UsageError(
                f"{source} says {name!r}, which comes before what `aml login` sets.",
                remedy="Change it there.",
            )
    StateBackend(url).stacks(project.name)
    private_folder(project.home)
    private_file(project.home / LOGIN).write_text(f"{url}\n", encoding="utf-8")


def log_out(project: Project) -> None:
    """Keep state in ``.aml/state`` again."""
    (project.home / LOGIN).unlink(missing_ok=True)


def move_stack(project: Project, stack: str, url: str) -> None:
    """Move a stack's state from the project's backend to another one."""
    source = backend_of(project)
    if not source.exists(project.name, stack):
        raise never_deployed(stack)
    source.move(project.name, stack, cipher_of(project, stack), StateBackend(url))


def backend_of(project: Project) -> StateBackend:
    """Return the project's deployment state."""
    return StateBackend(backend_url(project))


def cipher_of(project: Project, stack: str) -> Cipher:
    """Return the cipher of a stack's secrets; without a passphrase, one that only masks.

    Sealing or opening with the latter fails only when something secret is met. So does that of a
    vault's key: the vault is asked then.
    """
    declare(declared_credential(project.stack_file(stack)))
    salt = _salt(project, stack)
    # Prompt only if there is something to decrypt.
    return cipher_with_salt(project, stack, salt, ask=ask_at_terminal() if salt else None)


def _cipher(project: Project, stack: str, secrets: Secrets) -> Cipher:
    if secrets == "opened":
        return cipher_of(project, stack)
    if secrets == "hidden":
        return Masked()
    salt = _salt(project, stack)
    if WrappedKey.parse(salt) is None and known_passphrase(project, stack) is None:
        return Masked()
    cipher = cipher_with_salt(project, stack, salt)
    return cipher if _unlocks(cipher) else Masked()


def _unlocks(cipher: Cipher) -> bool:
    """Return whether secrets can be decrypted, as far as a vault has to be asked for that."""
    try:
        if isinstance(cipher, DataKeySealer):
            cipher.unlock()
    except PlatformError:
        return False
    return True


def _salt(project: Project, stack: str) -> str | None:
    """Return the stack file's salt, else that of its state, so that nothing is sealed anew."""
    file = project.stack_file(stack)
    own = encryption_salt(file) if file.is_file() else None
    if own or not embedded_backend(project):
        return own
    return backend_of(project).salt(project.name, stack) or None


def require_complete(stack: Stack) -> None:
    """Refuse what the embedded engine cannot run.

    That is another language's program, and a stack that lacks what ``Pulumi.yaml`` asks of its
    configuration, or takes it from Pulumi Cloud.
    """
    if stack.project.runtime != "python":
        raise UsageError(
            f"The program's runtime is {stack.project.runtime!r}; the embedded engine runs Python.",
            remedy="Deploy with `--engine pulumi`, which uses the Pulumi CLI.",
            at=str(stack.project.root / "Pulumi.yaml"),
        )
    if stack.configuration.problems:
        raise file_error(stack.configuration.problems, stack.file)


def require_key(stack: Stack) -> None:
    """Refuse a deployment that would fail half way, at the first secret that Azure returns.

    That is without a passphrase, with a wrong one, and where the vault does not give the key.
    """
    stack.cipher.unlock()


@dataclass(frozen=True, slots=True)
class StackRow:
    """A line of `aml stack ls`; ``changed`` is RFC 3339, empty for one that was never deployed.

    ``locked_by`` names whoever works on it now; ``interrupted``: somebody did, and was stopped.
    """

    name: str
    resources: int = 0
    changed: str = ""
    selected: bool = False
    locked_by: str = ""
    interrupted: bool = False


def list_stacks(project: Project) -> Sequence[StackRow]:
    """Return every stack that has state or a file, unless it is there for others to extend."""
    backend = backend_of(project)
    deployed = set(backend.stacks(project.name))
    selected = project.selected_stack()
    own = set(stack_names(project)) - ({*bases(project)} - {selected})
    return [
        _listed(
            backend, project, StackRow(name, selected=name == selected), deployed=name in deployed
        )
        for name in sorted({*own, *deployed})
    ]


def bases(project: Project) -> list[str]:
    """Return the stacks that stack files of the project extend, of those that have a file."""
    files = [project.stack_file(name) for name in stack_names(project)]
    extended = all_extended(file.read_bytes() for file in files)
    return [name for name in stack_names(project) if name in extended]


def _listed(backend: StateBackend, project: Project, row: StackRow, *, deployed: bool) -> StackRow:
    if not deployed:
        return row
    known = backend.summary(project.name, row.name)
    return replace(
        row,
        resources=known.resources,
        changed=known.updated,
        locked_by=known.locked_by,
        interrupted=known.interrupted and not known.locked_by,
    )


def remove_stack(project: Project, name: str, *, force: bool) -> None:
    """Forget a stack's state and file. Refused while it has resources, unless ``force``."""
    file = existing_stack_file(project, name)
    backend = backend_of(project)
    if backend.exists(project.name, name):
        backend.remove(project.name, name, cipher_of(project, name), force=force)
    file.unlink()
    project.manifest_file(name).unlink(missing_ok=True)
    if project.selected_stack() == name:
        (project.home / "selected-stack").unlink(missing_ok=True)


def export_stack(project: Project, name: str, *, show_secrets: bool) -> str:
    """Return a stack's state as Pulumi's `stack export` prints it."""
    if not backend_of(project).exists(project.name, name):
        raise never_deployed(name)
    cipher = cipher_of(project, name) if show_secrets else None
    return backend_of(project).export(project.name, name, cipher)


def import_stack(project: Project, name: str, file: Path) -> None:
    """Replace a stack's state with an exported one; a backup is kept.

    ``-`` is the standard input.
    """
    try:
        read = sys.stdin.buffer.read if str(file) == "-" else file.read_bytes
        text = read().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StateError(
            f"The file cannot be read: {error}.",
            remedy="Create one with `aml stack export --file FILE`.",
            at=str(file),
        ) from error
    backend_of(project).import_(project.name, name, text, cipher_of(project, name))


def stack_outputs(stack: Stack, *, show_secrets: bool) -> Document:
    """Return the outputs a stack's state has; ``NotDeployedError`` where it has no state."""
    loaded = stack.backend.load(
        stack.project.name, stack.name, stack.cipher if show_secrets else Masked()
    )
    outputs = _outputs(loaded)
    if outputs is None:
        raise never_deployed(stack.name)
    shown: Document = (plain if show_secrets else hidden)(dict(outputs))
    return shown


def referred_outputs(project: Project, other: str | None, stack: str) -> Document | None:
    """Return the outputs of a stack that a program refers to, secrets marked; ``None``: no stack.

    ``other`` is a project whose state lies in the same backend.
    """
    backend, name = backend_of(project), other or project.name
    if not backend.exists(name, stack):
        return None
    ours = name == project.name and project.stack_file(stack).is_file()
    cipher = cipher_of(project, stack) if ours else _cipher_of_another(project, stack)
    return _outputs(backend.load(name, stack, cipher))


def _cipher_of_another(project: Project, stack: str) -> Cipher:
    """Return the cipher of another project's stack: of Pulumi's variables, or of a vault."""
    passphrase = passphrase_from_environment(os.environ)

    def other(salt: str) -> Cipher:
        wrapped = WrappedKey.parse(salt)
        return in_vault(project.home, stack, wrapped, other) if wrapped else Absent(stack)

    return (
        OfAnother(stack, other)
        if passphrase is None
        else Sealer.from_passphrase(passphrase, other=other)
    )


def _outputs(loaded: Loaded) -> Document | None:
    root = next((each for each in loaded.resources if each.type == STACK_TYPE), None)
    return None if root is None else root.outputs


def unprotect(project: Project, name: str, wanted: frozenset[str] | None) -> Sequence[str]:
    """Unprotect resources (``None``: all of the stack's); return the URNs that were protected.

    ``wanted`` holds URNs or names; one that state does not have is refused, with the nearest.
    """
    backend = backend_of(project)
    if not backend.exists(project.name, name):
        raise never_deployed(name)
    with backend.open(project.name, name, cipher_of(project, name)) as state:
        known = {each.name: each for each in state.loaded.resources}
        urns = {each.urn for each in state.loaded.resources}
        for unknown in sorted((wanted or frozenset()) - urns):
            look_up(unknown, known, noun="resource")
        freed = []
        for key, each in enumerate(state.loaded.resources):
            if each.protect and (wanted is None or wanted & {each.urn, each.name}):
                state.same(key, replace(each, protect=False))
                freed.append(each.urn)
        return freed


def never_deployed(stack: str) -> NotDeployedError:
    """Return the error for a stack without state."""
    return NotDeployedError(
        f"Stack {stack!r} was never deployed.", remedy=f"Run {stack_command('up', stack)}."
    )
