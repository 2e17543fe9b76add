"""`aml check --online` and `aml stack deleted`: open a stack, query its cloud, change nothing."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from infra.arm.client import Client
from infra.arm.soft_delete import WORKSPACE
from infra.catalogue.names import same_arm_id
from infra.deploy.preflight.facts import ids_of
from infra.deploy.preflight.queries import own_ids, problems_of, run_preflight
from infra.deploy.run.runner import PACKAGE
from infra.deploy.stack.endpoints import Destination, destination
from infra.deploy.stack.soft_delete import soft_delete_of, soft_deleted
from infra.deploy.stack.stacks import Stack, open_stack
from infra.engine.model.resources import Loaded
from infra.engine.state.secrets import Masked
from infra.spec.problems import Problem
from infra.spec.stack import StackSpec


@dataclass(frozen=True, slots=True)
class SoftDeletedRow:
    """A line of `aml stack deleted`. ``fate``: what `up` does, empty if it is not the stack's."""

    kind: str
    name: str
    location: str
    id: str
    deleted: str
    until: str
    fate: str


def check_online(name: str) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """Return the problems that a stack would meet in its cloud, and remarks."""
    stack = open_stack(name, secrets="hidden")
    if not isinstance(stack.declared, StackSpec):
        return (), (
            "The stack runs a program of your own; only the program knows what it declares.",
        )
    found = run_preflight(stack.spec, destination_of(stack), _state(stack), soft_delete_of(stack))
    return problems_of(found, stack.file), found.remarks


def soft_deleted_rows(stack: Stack) -> Sequence[SoftDeletedRow]:
    """Return what is soft-deleted in the stack's subscription."""
    to, policy = destination_of(stack), soft_delete_of(stack)
    with closing(Client(to.endpoint, to.credential)) as client:
        found = soft_deleted(client, to.subscription)
    mine = _wanted(stack, to)
    return [
        SoftDeletedRow(
            kind="workspace" if each.type == WORKSPACE else "key vault",
            name=each.name,
            location=each.location,
            id=each.id,
            deleted=each.deleted,
            until=each.until,
            fate=str(policy.of_deleted(each)) if any(same_arm_id(each.id, i) for i in mine) else "",
        )
        for each in found
    ]


def _wanted(stack: Stack, to: Destination) -> list[str]:
    """Return the ids that the stack is about to use: its own, less those it has."""
    if not isinstance(stack.declared, StackSpec):
        return []
    ids = ids_of(stack.declared, to.subscription)
    own = own_ids(stack.declared, _state(stack), to.subscription)
    return [each for each in (ids.workspace, ids.key_vault) if each and each.lower() not in own]


def destination_of(stack: Stack) -> Destination:
    """Return the cloud of a stack, logged in to; starts the local one if it is down."""
    config = stack.configuration.namespace(PACKAGE)
    return destination(stack.cloud, config, home=stack.project.home, file=stack.file)


def _state(stack: Stack) -> Loaded:
    """Return the stack's state; nothing secret of it is needed."""
    return stack.backend.load(stack.project.name, stack.name, Masked())
