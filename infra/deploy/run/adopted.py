"""Keeps the Pulumi CLI off resources that a stack adopted: it would reset what is left as found."""

from collections.abc import Iterable

from infra.contract.command_line import stack_command
from infra.contract.errors import UsageError
from infra.deploy.stack.stacks import Stack
from infra.engine.model.resources import Resource
from infra.spec.stack import StackSpec


def refuse_adopted(stack: Stack) -> None:
    """Raise ``UsageError`` for a stack that adopted resources, or is about to.

    The embedded engine reads what a stack file has no key for and sends it back with every update.
    The Pulumi CLI's plugin sends the program's inputs alone, so that an update of such a resource
    resets the rest.
    """
    declared = stack.declared.adopt if isinstance(stack.declared, StackSpec) else {}
    names = sorted({*declared, *(each.name for each in _imported(stack))})
    if names:
        raise UsageError(
            f"Stack {stack.name!r} adopted {', '.join(names)}, and the Pulumi CLI would reset what"
            " the stack file leaves as found in them (managed network, encryption, services …).",
            remedy=f"Leave `--engine pulumi` out: {stack_command('up', stack.name)} keeps it.",
            at=str(stack.file),
        )


def _imported(stack: Stack) -> Iterable[Resource]:
    """Return the resources in state that were adopted; the key in the file may be gone."""
    where, backend = stack.project.name, stack.backend
    if not backend.exists(where, stack.name):
        return ()
    resources = backend.load(where, stack.name, stack.cipher).resources
    return (each for each in resources if each.import_id)
