"""Declares computes from a program: edits the stack file, and deploys that one change.

A change is refused while the stack file has other changes that are not deployed: a script that
makes a compute must not deploy what somebody is still writing.
"""

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from infra.contract.command_line import stack_command
from infra.contract.errors import (
    DeployError,
    HostKeyError,
    ProviderError,
    UnknownNameError,
    UsageError,
)
from infra.contract.json_types import Document
from infra.contract.load import nearest
from infra.contract.private import private_file, private_folder
from infra.contract.project import find_project
from infra.contract.stack_computes import PowerAction
from infra.deploy.drift.adopt import remove, write
from infra.deploy.hosts.hosts import accepting
from infra.deploy.importing.computes import computes_of
from infra.deploy.run.request import OperationRequest
from infra.deploy.run.runner import EngineResult
from infra.deploy.run.stack_operations import StackOperations
from infra.deploy.stack.endpoints import Destination
from infra.deploy.stack.settings import Settings
from infra.deploy.stack.stacks import Stack, open_stack
from infra.engine.model.events import Event, Finished, Op
from infra.engine.model.resources import urn_name
from infra.spec.credentials import Sealed
from infra.spec.editing import StackFile, replace_text
from infra.spec.load import inspect_text
from infra.spec.problems import StackFileError
from infra.spec.stack import KEYS

_COMPUTES: Final = KEYS["computes"]
_KEPT: Final = frozenset({Op.SAME, Op.READ})
_RESOURCE: Final = "platform-{}"
"""The name in state of the compute of that name, which the packaged program gives it."""


class DeclaredComputes:
    """The computes of one stack. Each method opens the stack anew: its file may have changed."""

    def __init__(self, stack: str) -> None:
        self._stack = stack

    def declared(self, name: str) -> Document:
        stack = open_stack(self._stack, secrets="hidden")
        entries = StackFile.read(stack.file).entries()[_COMPUTES]
        entry: Document = entries[_required(stack, name)]
        return {key: value for key, value in entry.items() if not isinstance(value, Sealed)}

    def power(self, name: str, action: PowerAction) -> None:
        with computes_of(open_stack(self._stack, secrets="hidden")) as computes:
            computes.power(name, action)

    def add(
        self, kind: str, name: str, settings: Document, secrets: Mapping[str, str] | None = None
    ) -> Path:
        with alone(self._stack) as stack:
            self._add(stack, kind, name, settings, secrets or {})
            return stack.file

    def _add(
        self, stack: Stack, kind: str, name: str, settings: Document, secrets: Mapping[str, str]
    ) -> None:
        index = _index(stack, name)

        def edit(file: StackFile) -> None:
            if index is not None:  # declared, and not deployed
                remove(file, f"{_COMPUTES}[{index}]")
            place = f"{_COMPUTES}[{len(file.entries().get(_COMPUTES) or ())}]"
            write(file, place, {"kind": kind, "name": name, **settings})
            sealing = Settings(stack.project, stack.name)
            for key, secret in secrets.items():
                sealing.seal(file, f"{place}.{key}", secret)

        self._deployed(stack, name, edit)

    def change(self, name: str, settings: Document) -> None:
        with alone(self._stack) as stack:
            place = f"{_COMPUTES}[{_required(stack, name)}]"

            def edit(file: StackFile) -> None:
                for key, value in settings.items():
                    if value is None or isinstance(value, Mapping | list):
                        remove(file, f"{place}.{key}")
                    if value is not None:
                        write(file, f"{place}.{key}", value)

            self._deployed(stack, name, edit)

    def remove(self, name: str) -> Path:
        with alone(self._stack) as stack:
            index = _required(stack, name)
            self._deployed(stack, name, lambda file: remove(file, f"{_COMPUTES}[{index}]"))
            return stack.file

    def destroy(self) -> None:
        with alone(self._stack) as stack, _causes("delete the workspace again", stack) as listener:
            StackOperations(stack, listener, lambda *_: True).destroy(OperationRequest())

    def _deployed(self, before: Stack, name: str, edit: Callable[[StackFile], None]) -> None:
        """Edit the file and deploy it; put the file back if that does not succeed."""
        if before.own_program:
            raise UsageError(
                f"The program in {before.project.main} is your own, so only it can declare"
                " computes.",
                remedy="Add the compute to the program and deploy it.",
                at=str(before.file),
            )
        text = before.file.read_text(encoding="utf-8")
        file = StackFile.read(before.file)
        edit(file)
        problems = inspect_text(file.text()).problems
        if problems:
            raise StackFileError(
                problems,
                at=f"{before.file.name}, which was not changed",
                remedy=f"Correct the arguments of compute {name!r}.",
            )
        file.write()
        try:
            _up(open_stack(before.name), name)
        except BaseException:
            replace_text(before.file, text)
            raise


@contextmanager
def alone(name: str) -> Iterator[Stack]:
    """Open a stack once nobody else of this machine edits its file to deploy it.

    Two that edit the file at once would each put back what the other has written.
    """
    home = find_project().home
    private_folder(home)
    with private_file(home / f"declaring-{name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield open_stack(name)


def _up(stack: Stack, name: str) -> None:
    """Deploy a stack in which nothing but the compute ``name`` may differ."""
    others: list[str] = []

    def only_this(plan: EngineResult, _: Destination) -> bool:
        changed = {urn_name(step.urn) for step in plan.steps if step.op not in _KEPT}
        others.extend(sorted(changed - {_RESOURCE.format(name)}))
        return not others

    again = "create the compute again; the stack file is unchanged"
    try:
        with _causes(again, stack) as listener:
            done = StackOperations(stack, listener, only_this).up(OperationRequest())
    except HostKeyError as error:
        # The stack file is put back, and names the machine no more.
        words = [f"`aml target trust --address {host} --ssh-port {n}`" for host, n in error.places]
        raise HostKeyError(
            error.detail, remedy=accepting(words), places=error.places, at=error.at
        ) from error
    if others:
        raise UsageError(
            f"Stack {stack.name!r} has other changes that are not deployed: {', '.join(others)}.",
            remedy=f"Deploy them first with {stack_command('up', stack.name)}.",
            at=str(stack.file),
        )
    if done.refusal is not None:
        raise done.refusal


@contextmanager
def _causes(again: str, stack: Stack) -> Iterator[Callable[[Event], None]]:
    """Yield a listener; a failure raises the causes, which a command would have printed."""
    failures: list[str] = []

    def listener(event: Event) -> None:
        if isinstance(event, Finished) and event.error:
            failures.append(event.error)

    try:
        yield listener
    except DeployError as error:
        raise ProviderError(
            "\n".join(dict.fromkeys(failures)) or error.detail,
            remedy=f"Fix the cause and {again}.",
            at=str(stack.file),
        ) from error


def _index(stack: Stack, name: str) -> int | None:
    names = [compute.name for compute in stack.spec.computes]
    return names.index(name) if name in names else None


def _required(stack: Stack, name: str) -> int:
    found = _index(stack, name)
    if found is None:
        known = dict.fromkeys(compute.name for compute in stack.spec.computes)
        raise UnknownNameError(
            f"Stack {stack.name!r} does not declare a compute {name!r}.",
            remedy=nearest(name, known, noun="compute"),
            at=str(stack.file),
        )
    return found
