"""What a cloud would refuse of a stack, from facts alone: every problem at once. Pure.

A problem has a place in the stack file and stops the deployment; a remark does not.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final

from infra.arm.soft_delete import VAULT, WORKSPACE, DeletedResource
from infra.catalogue.names import parse_arm_id
from infra.catalogue.vm_sizes import nearest_size, successor
from infra.deploy.preflight.facts import Facts, Ids, ids_of, namespaces, region_of
from infra.deploy.preflight.quota import quota
from infra.deploy.preflight.references import references
from infra.spec.attachments import DatabricksSpec
from infra.spec.clusters import AmlComputeSpec
from infra.spec.instances import ComputeInstanceSpec
from infra.spec.rules.findings import Finding
from infra.spec.stack import StackSpec

_NAME: Final = ("aml:workspace", "name")
_CREATE: Final = {
    False: "Create it, or correct the id.",
    True: "Correct the id, or run `aml cloud seed ID`, which puts a stand-in for it there;"
    " `aml cloud seed FILE` does it for all that a stack file refers to.",
}
"""Whether the cloud is the local one to what to do."""
_NOUNS: Final = {
    "storage_account": "storage account",
    "key_vault": "key vault",
    "container_registry": "container registry",
}
_GROUP_AT: Final = 4  # /subscriptions/…/resourceGroups/GROUP/…
_REGISTERED: Final = frozenset({"registered", "registering"})


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found. Remarks are whole sentences."""

    problems: tuple[Finding, ...]
    remarks: tuple[str, ...]


def preflight(
    spec: StackSpec, subscription: str, facts: Facts, changing: Collection[str] | None = None
) -> Preflight:
    """Compare a stack with the answers of its cloud.

    ``changing``: the computes that a plan creates or changes; ``None`` for all.
    """
    ids = ids_of(spec, subscription)
    problems = [found for rule in _RULES for found in rule(spec, ids, facts)]
    waiting, notices = _soft_deleted(ids, facts)
    too_much, tight = quota(spec, facts, changing)
    return Preflight((*problems, *waiting, *too_much), (*notices, *tight, *facts.unanswered))


def _providers(spec: StackSpec, _: Ids, facts: Facts) -> Iterator[Finding]:
    for namespace in namespaces(spec):
        state = facts.providers.get(namespace)
        if state is not None and state.lower() not in _REGISTERED:
            yield (
                ("aml:cloud",),
                (
                    f"the subscription has not registered {namespace}. "
                    f"Run `az provider register --namespace {namespace}`."
                ),
            )


def _unique_names(_: StackSpec, ids: Ids, facts: Facts) -> Iterator[Finding]:
    deleted = {each.name.lower() for each in facts.soft_deleted if each.type == VAULT}
    for kind, id_ in ids.made().items():
        name, why = id_.rpartition("/")[2], facts.taken.get(kind)
        if why is None or id_.lower() in facts.own or (kind == "key_vault" and name in deleted):
            continue
        yield (
            _NAME,
            (
                f"the name {name!r} of its {_NOUNS[kind]} is not available: {why.rstrip('.')}. "
                f"Rename the workspace or its group, or set {kind}_id."
            ),
        )


def _there_already(spec: StackSpec, ids: Ids, facts: Facts) -> Iterator[Finding]:
    strange = facts.there - facts.own
    if ids.group.lower() in strange and not spec.workspace.group_exists:
        yield (
            ("aml:workspace", "resource_group"),
            (
                f"the resource group {spec.workspace.resource_group!r} already exists and does "
                "not belong to this stack. Choose another, or set group_exists: true to use it."
            ),
        )
    if ids.workspace.lower() in strange:
        yield (
            _NAME,
            (
                f"the workspace {spec.workspace.name!r} already exists and does not "
                "belong to this stack. Choose another name, or adopt it with `aml import`."
            ),
        )
        return  # its computes are somebody else's as well
    for index, compute in enumerate(spec.computes):
        if ids.compute(compute.name).lower() in strange:
            yield (
                ("aml:computes", index, "name"),
                (
                    f"compute {compute.name!r} already exists in the workspace and does not belong "
                    "to this stack. Choose another name, or adopt it with `aml import`."
                ),
            )


def _not_there(spec: StackSpec, ids: Ids, facts: Facts) -> Iterator[Finding]:
    group = spec.workspace.resource_group
    if spec.workspace.group_exists and ids.group.lower() in facts.missing:
        yield (
            ("aml:workspace", "resource_group"),
            (
                f"the resource group {group!r} does not exist, though group_exists is true. Create "
                "it, or leave group_exists out: then the stack creates the group."
            ),
        )
    for at, id_ in references(spec).items():
        if id_.lower() in facts.missing:
            yield at, f"{id_} does not exist. {_CREATE[facts.local]}"


def _instance_names(spec: StackSpec, ids: Ids, facts: Facts) -> Iterator[Finding]:
    for index, compute in enumerate(spec.computes):
        if not isinstance(compute, ComputeInstanceSpec):
            continue
        other = facts.instances.get(compute.name.lower())
        if other and other not in facts.own and other != ids.compute(compute.name).lower():
            workspace = other.split("/")[-3]
            yield (
                ("aml:computes", index, "name"),
                (
                    f"workspace {workspace!r} already has a compute instance {compute.name!r}, and "
                    f"instance names are unique in {spec.location}. Choose another name."
                ),
            )


def _sizes(spec: StackSpec, _: Ids, facts: Facts) -> Iterator[Finding]:
    for index, compute in enumerate(spec.computes):
        if not isinstance(compute, AmlComputeSpec | ComputeInstanceSpec):
            continue
        size, offered = compute.vm_size, facts.region(region_of(spec, compute)).sizes
        if offered and size.lower() not in offered:
            near = successor(size) or nearest_size(size, offered)
            hint = f" Did you mean {near!r}?" if near else ""
            yield (
                ("aml:computes", index, "vm_size"),
                f"{size!r} is not offered in {compute.location or spec.location}.{hint}",
            )


def _subscriptions(spec: StackSpec, ids: Ids, facts: Facts) -> Iterator[Finding]:
    """Databricks is attached in its own subscription only, which a stack file need not name."""
    own = parse_arm_id(ids.workspace).subscription
    for index, compute in enumerate(spec.computes):
        if not isinstance(compute, DatabricksSpec) or facts.local:
            continue
        found = parse_arm_id(compute.resource_id).subscription
        if found.lower() != own.lower():
            yield (
                ("aml:computes", index, "resource_id"),
                (
                    f"is in subscription {found}; Databricks must be in the workspace's"
                    f" subscription, {own}."
                ),
            )


def _soft_deleted(ids: Ids, facts: Facts) -> tuple[list[Finding], list[str]]:
    """Return why `up` cannot deal with what is soft-deleted under the names, or how it will."""
    problems: list[Finding] = []
    remarks: list[str] = []
    wanted = {WORKSPACE: ids.workspace.lower(), VAULT: (ids.key_vault or "").lower()}
    for each in facts.soft_deleted:
        mine = wanted.get(each.type, "")
        if mine in facts.own or each.name.lower() != mine.rpartition("/")[2]:
            continue
        if each.id.lower() != mine:
            if each.type == VAULT:  # workspaces of one name live in several groups
                problems.append((_NAME, _in_another_group(each)))
            continue
        why = _hindrance(each, facts)
        if why:
            problems.append((_NAME, why))
        else:
            remarks.append(_notice(each, facts))
    return problems, remarks


def _in_another_group(vault: DeletedResource) -> str:
    parts = vault.id.split("/")
    group = parts[_GROUP_AT] if len(parts) > _GROUP_AT else "?"
    return (
        f"a deleted key vault {vault.name!r} of group {group!r} still holds the name. Purge it "
        f"with `az keyvault purge --name {vault.name}`, or set key_vault_id."
    )


def _hindrance(each: DeletedResource, facts: Facts) -> str | None:
    policy = facts.policy.of_deleted(each)
    if each.type == WORKSPACE and policy == "recover" and not facts.local:
        return (
            f"the deleted workspace {each.name!r} still holds the name, and only the Azure "
            "portal can recover it (Recently deleted). Recover it there and adopt it with "
            "`aml import`, or set aml:soft_delete.workspace to purge."
        )
    if each.protected and policy == "purge":
        return (
            f"the deleted key vault {each.name!r} is protected against purging until "
            f"{each.until}. Set aml:soft_delete.key_vault to recover."
        )
    return None


def _notice(each: DeletedResource, facts: Facts) -> str:
    noun = "workspace" if each.type == WORKSPACE else "key vault"
    if facts.policy.of_deleted(each) == "recover":
        return f"The deleted {noun} {each.name!r} will be recovered (aml:soft_delete)."
    return f"The deleted {noun} {each.name!r} will be purged permanently first (aml:soft_delete)."


_RULES: Final[tuple[Callable[[StackSpec, Ids, Facts], Iterator[Finding]], ...]] = (
    _providers,
    _unique_names,
    _there_already,
    _not_there,
    _instance_names,
    _sizes,
    _subscriptions,
)
