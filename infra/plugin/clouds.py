"""The cloud of the stack that a request is about: found, reached and configured as `aml` does.

The stack's name is in every URN; the project is found by its name, near where the CLI runs.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from infra.arm.provider import AzureNative
from infra.contract.errors import UsageError
from infra.contract.json_types import Document, JsonObject
from infra.contract.project import Project, find_project
from infra.deploy.stack.configuration import Configuration
from infra.deploy.stack.endpoints import destination
from infra.deploy.stack.soft_delete import soft_delete_of
from infra.deploy.stack.stacks import Stack, existing_stack_file
from infra.engine.model.resources import urn_name
from infra.engine.state.secrets import Masked
from infra.spec.load import load_program_stack, load_stack

_URN: Final = "urn:pulumi:"
_DEFAULT: Final = "default"
CLOUD_ID: Final = "cloudId"


def stack_name(urn: str) -> str:
    """Return the stack of a URN; ``UsageError`` for a CLI too old to send one."""
    name, _, rest = urn.removeprefix(_URN).partition("::")
    if not urn.startswith(_URN) or not rest:
        raise UsageError(
            "The engine does not say which stack it configures the provider for.",
            remedy="Use a Pulumi CLI of version 3.160 or later.",
        )
    return name


def project_of(name: str, folders: Iterator[Path]) -> Project:
    """Return the project of a name around one of ``folders``; without a name, the first."""
    seen = []
    for folder in folders:
        with suppress(UsageError):
            project = find_project(folder)
            if name in {"", project.name}:
                return project
        seen.append(str(folder))
    raise UsageError(
        f"The project {name!r} was found neither in {' nor in '.join(seen)}, nor above.",
        remedy="Run `pulumi` in the project's folder: the plugin reads its stack files.",
    )


def folders_of_the_cli() -> Iterator[Path]:
    """Yield where the project may be: a plugin is started in the folder of its program.

    That is below the project unless `main` of Pulumi.yaml leads elsewhere; then the CLI's own
    working folder is in it, which Linux knows.
    """
    program = Path.cwd()
    callers = []
    with suppress(OSError):
        callers = [Path(f"/proc/{os.getppid()}/cwd").readlink()]
    yield from ordered(program, callers)


def ordered(program: Path, callers: Sequence[Path]) -> Iterator[Path]:
    """Yield the folders in which a project is sought, the most telling first.

    A caller's folder whose project has this very program is the project's, although the program's
    own may be in another one that has the same name.
    """
    yield from (folder for folder in callers if _has_program(folder, program))
    yield program
    yield from callers


def _has_program(folder: Path, program: Path) -> bool:
    try:
        return find_project(folder).main.resolve() == program.resolve()
    except UsageError:
        return False


class Clouds:
    """Reaches the clouds of a project's stacks; ``find`` finds the project when it is needed."""

    def __init__(self, find: Callable[[], Project]) -> None:
        self._find = find
        self._stacks: dict[str, Stack] = {}

    def completed(self, urn: str, config: Document) -> JsonObject:
        """Return the configuration of a provider resource as state is to have it.

        The default provider of a stack on the local cloud is given that cloud's subscription,
        tenant and id; all others are as the stack file or the program has them.
        """
        stack = self._stack(urn)
        if stack.cloud != "local" or not urn_name(urn).startswith(_DEFAULT):
            return dict(config)
        return dict(destination("local", config, home=stack.project.home, file=stack.file).config)

    def provider(self, urn: str, config: Document) -> AzureNative:
        """Return the provider for a stack's cloud, configured; starts the local one if needed."""
        stack = self._stack(urn)
        to = destination(stack.cloud, config, home=stack.project.home, file=stack.file)
        made = AzureNative(to.endpoint, to.credential, soft_delete=soft_delete_of(stack))
        made.configure(config)
        return made

    def _stack(self, urn: str) -> Stack:
        name = stack_name(urn)
        if name not in self._stacks:
            project = self._find()
            file = existing_stack_file(project, name)
            own = not project.runs_packaged_program
            declared = load_program_stack(file) if own else load_stack(file)
            nothing = Configuration({}, frozenset())
            self._stacks[name] = Stack(project, name, file, declared, nothing, Masked())
        return self._stacks[name]
