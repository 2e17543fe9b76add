"""Asks a cloud what it would refuse of a stack: a handful of reads, nothing is changed.

A query that the caller has no permission for becomes a remark; what follows from the answers is
decided in `findings`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Final

from infra.arm.bodies import resource_id
from infra.arm.client import Client, checked
from infra.arm.soft_delete import (
    DeletedResource,
    SoftDeletePolicy,
    deleted_vault,
    deleted_workspaces,
    pages,
)
from infra.catalogue.api_versions import (
    CONTAINER_REGISTRY_NAMES,
    KEY_VAULT,
    MACHINE_LEARNING,
    NETWORK,
    PROVIDERS,
    STORAGE,
)
from infra.catalogue.locations import location_name, same_location
from infra.catalogue.names import parse_arm_id
from infra.catalogue.types.table import TYPES
from infra.catalogue.updates.table import COMPUTE
from infra.contract.errors import ProviderError
from infra.contract.json_types import Document
from infra.deploy.preflight.facts import Facts, Ids, Region, ids_of, namespaces, region_of
from infra.deploy.preflight.findings import Preflight, preflight
from infra.deploy.preflight.references import references
from infra.deploy.preflight.regions import region_offers
from infra.deploy.stack.endpoints import Destination
from infra.engine.model.events import Op, Step
from infra.engine.model.resources import Loaded
from infra.spec.clusters import AmlComputeSpec
from infra.spec.inheritance import read_stack_document
from infra.spec.instances import ComputeInstanceSpec
from infra.spec.problems import Location, Problem, online_error, path_text
from infra.spec.stack import StackSpec

_NAMES: Final[Mapping[str, tuple[str, str, str]]] = {
    "storage_account": ("Microsoft.Storage", "storageAccounts", STORAGE),
    "key_vault": ("Microsoft.KeyVault", "vaults", KEY_VAULT),
    "container_registry": ("Microsoft.ContainerRegistry", "registries", CONTAINER_REGISTRY_NAMES),
}
_ON_TRUST: Final = frozenset({"aml:datastores", "aml:connections"})
_ROWS: Final = {row.pulumi_type: row for row in TYPES}
_VERSIONS: Final = {
    **{row.name.lower(): row.api_version for row in TYPES},
    "microsoft.network/routetables": NETWORK,
}


class PreflightQueries:
    """One stack's queries to one cloud. ``unanswered`` collects those that were refused."""

    def __init__(self, client: Client, spec: StackSpec, subscription: str) -> None:
        self._client = client
        self._spec = spec
        self._root = f"/subscriptions/{subscription}"
        self._subscription = subscription
        self._ids: Ids = ids_of(spec, subscription)
        self._unanswered: list[str] = []
        self._known_providers: Mapping[str, Document] | None = None

    def facts(
        self, own: frozenset[str], policy: SoftDeletePolicy, used: Collection[str] | None = None
    ) -> Facts:
        """Send every query and return the answers.

        Of the resources that others made, those in ``used`` (``None``: all) are looked up.
        """
        workspace = self._is_there(self._ids.workspace, MACHINE_LEARNING)
        computes = self._computes(self._ids.workspace) if workspace else []
        group = workspace or self._is_there(self._ids.group, PROVIDERS)
        there = {
            *([self._ids.group] if group else []),
            *([self._ids.workspace] if workspace else []),
            *(str(compute["id"]) for compute in computes),
        }
        home = self.region()
        return Facts(
            local=self._client.endpoint.local,
            own=own,
            there=frozenset(each.lower() for each in there),
            missing=frozenset(self._missing(group=group, own=own, used=used)),
            taken=dict(self._taken(own)),
            providers=dict(self._providers()),
            sizes=home.sizes,
            usages=home.usages,
            elsewhere={name: self._region(name) for name in self._other_regions()},
            computes=computes,
            instances=dict(self._instances(own)),
            soft_deleted=[] if workspace else list(self._soft_deleted(own)),
            policy=policy,
            unanswered=self._unanswered,
        )

    def region(self) -> Region:
        """Return the VM sizes and the quotas of the stack's region alone."""
        return self._region(location_name(self._spec.location))

    def _region(self, name: str) -> Region:
        return region_offers(self._client, self._subscription, name, self._unanswered)

    def _other_regions(self) -> Iterable[str]:
        """Return the regions that the stack's clusters and instances are in, but its own."""
        made = (AmlComputeSpec, ComputeInstanceSpec)
        computes = [each for each in self._spec.computes if isinstance(each, made)]
        named = dict.fromkeys(region_of(self._spec, each) for each in computes)
        return [name for name in named if name != location_name(self._spec.location)]

    def _list(self, path: str, version: str, what: str) -> list[Document]:
        try:
            return list(pages(self._client, path, version))
        except ProviderError as error:
            self._unanswered.append(f"{what} could not be read: {error.detail}")
            return []

    def _is_there(self, id: str, version: str) -> bool:
        return self._client.send("GET", id, api_version=version).ok

    def _missing(
        self, *, group: bool, own: frozenset[str], used: Collection[str] | None
    ) -> Iterator[str]:
        """Yield what is said to exist and does not."""
        if not group and self._lacks(self._ids.group, PROVIDERS):
            yield self._ids.group.lower()
        named = {id_.rstrip("/").lower(): id_ for id_ in self._given()}
        for known, id_ in named.items():
            if known not in own and (used is None or known in used):
                version = self._version(parse_arm_id(id_).type)
                if version and self._lacks(id_, version):
                    yield known

    def _given(self) -> Iterator[str]:
        """Yield the ids that the cloud looks for; the local one takes a stack's word for some."""
        for at, id_ in references(self._spec).items():
            if not self._client.endpoint.local or _is_looked_up(at):
                yield id_

    def _lacks(self, id_: str, version: str) -> bool:
        answer = self._client.send("GET", id_, api_version=version)
        if not answer.ok and answer.status != HTTPStatus.NOT_FOUND:
            self._unanswered.append(
                f"Whether {id_} exists could not be checked: the service answered {answer.status}."
            )
        return answer.status == HTTPStatus.NOT_FOUND

    def _version(self, type_: str) -> str:
        """Return a version to read a type in: the catalogue's, else the newest of the service."""
        known = _VERSIONS.get(type_.lower())
        if known:
            return known
        namespace, _, name = type_.lower().partition("/")
        types = self._registered().get(namespace, {}).get("resourceTypes") or ()
        found = [each for each in types if str(each.get("resourceType")).lower() == name]
        versions = sorted(map(str, found[0].get("apiVersions") or ())) if found else []
        stable = [each for each in versions if "preview" not in each]
        return (stable or versions or [""])[-1]

    def _computes(self, workspace: str) -> list[Document]:
        return self._list(f"{workspace}/computes", MACHINE_LEARNING, f"The computes of {workspace}")

    def _taken(self, own: frozenset[str]) -> Iterator[tuple[str, str]]:
        for kind, id_ in self._ids.made().items():
            if id_.lower() in own:
                continue
            namespace, type_, version = _NAMES[kind]
            path = f"{self._root}/providers/{namespace}/checkNameAvailability"
            body = {"name": id_.rpartition("/")[2], "type": f"{namespace}/{type_}"}
            try:
                answer = self._client.send("POST", path, api_version=version, body=body)
                document = checked(answer, at=path).document
            except ProviderError as error:
                what = f"The availability of the name {body['name']!r}"
                self._unanswered.append(f"{what} could not be checked: {error.detail}")
                continue
            if document.get("nameAvailable") is False:
                yield kind, str(document.get("message") or document.get("reason") or "it is taken")

    def _registered(self) -> Mapping[str, Document]:
        """Return the resource providers of the subscription, asked for once."""
        if self._known_providers is None:
            listed = self._list(
                f"{self._root}/providers", PROVIDERS, "The registered resource providers"
            )
            self._known_providers = {str(each.get("namespace")).lower(): each for each in listed}
        return self._known_providers

    def _providers(self) -> Iterator[tuple[str, str]]:
        known = self._registered()
        for namespace in namespaces(self._spec):
            if namespace.lower() in known:
                yield namespace, str(known[namespace.lower()].get("registrationState") or "")

    def _instances(self, own: frozenset[str]) -> Iterator[tuple[str, str]]:
        """Yield the instances of the region, if a new one is to be created at all."""
        wanted = [
            self._ids.compute(compute.name).lower()
            for compute in self._spec.computes
            if isinstance(compute, ComputeInstanceSpec)
        ]
        if {*wanted} <= own:
            return
        # No request answers for a whole region: every workspace of it has to be read.
        path = f"{self._root}/providers/Microsoft.MachineLearningServices/workspaces"
        for workspace in self._list(path, MACHINE_LEARNING, "The workspaces of the subscription"):
            if not self._is_near(workspace):
                continue
            for compute in self._computes(str(workspace["id"])):
                if (compute.get("properties") or {}).get("computeType") == "ComputeInstance":
                    yield str(compute["name"]).lower(), str(compute["id"]).lower()

    def _is_near(self, workspace: Document) -> bool:
        state = (workspace.get("properties") or {}).get("provisioningState")
        near = same_location(str(workspace.get("location")), self._spec.location)
        return state != "SoftDeleted" and near

    def _soft_deleted(self, own: frozenset[str]) -> Iterator[DeletedResource]:
        try:
            yield from deleted_workspaces(self._client, self._subscription)
            vault = self._ids.key_vault
            if vault and vault.lower() not in own:
                found = deleted_vault(self._client, vault, self._spec.location)
                yield from [found] if found else []
        except ProviderError as error:
            self._unanswered.append(
                f"Deleted workspaces and vaults could not be read: {error.detail}"
            )


def own_ids(spec: StackSpec, loaded: Loaded, subscription: str) -> frozenset[str]:
    """Return the ids, in lower case, of what the stack has by its state or adopts."""
    adopted = (each.lower() for each in spec.adopt.values())
    return state_ids(loaded, subscription) | frozenset(adopted)


def state_ids(loaded: Loaded, subscription: str) -> frozenset[str]:
    """Return the ids, in lower case, of what the state has.

    What an interrupted run was creating is the stack's as well: the next run adopts it.
    """
    begun = (
        resource_id(_ROWS[each.resource.type], each.resource.inputs, subscription)
        for each in loaded.pending
        if each.resource.type in _ROWS
    )
    known = (each.id for each in loaded.resources if each.custom and not each.delete)
    return frozenset(each.lower() for each in (*known, *begun) if each and each.startswith("/"))


def changing(steps: Iterable[Step]) -> frozenset[str]:
    """Return the names of the computes that a plan makes or changes."""
    return frozenset(
        str((step.new or {}).get("computeName"))
        for step in steps
        if step.type == COMPUTE and step.op not in {Op.SAME, Op.READ, Op.DELETE}
    )


def run_preflight(
    spec: StackSpec,
    to: Destination,
    loaded: Loaded,
    policy: SoftDeletePolicy,
    *,
    changing: Collection[str] | None = None,
    used: Collection[str] | None = None,
) -> Preflight:
    """Query the cloud, and return what it would refuse of a stack.

    ``changing`` and ``used``: the computes that a plan makes or changes, and the ids in what it
    makes or changes; ``None`` for all.
    """
    with closing(Client(to.endpoint, to.credential)) as client:
        queries = PreflightQueries(client, spec, to.subscription)
        facts = queries.facts(own_ids(spec, loaded, to.subscription), policy, used)
    return preflight(spec, to.subscription, facts, changing)


def problems_of(found: Preflight, file: Path) -> tuple[Problem, ...]:
    """Return the problems with their lines in the stack file."""
    document = read_stack_document(file)
    return tuple(
        Problem(path_text(location), says, document.line(location), "online")
        for location, says in found.problems
    )


def refuse_problems(
    found: Preflight, file: Path, obstacles: Iterable[str] = (), *, again: str = "preview"
) -> None:
    """Raise ``PreflightError`` with every problem, if there is any.

    ``obstacles``: what would stop the plan of ``again``; a stack file alone does not show it.
    """
    stops = [Problem("", says, code="online") for says in obstacles]
    problems = (*stops, *(problems_of(found, file) if found.problems else ()))
    if problems:
        raise online_error(problems, file, again=again if stops else "check --online")


def _is_looked_up(at: Location) -> bool:
    """Return whether the local cloud refuses a reference at this place to what does not exist.

    It takes a stack's word for attached machines and for what datastores and connections lead to.
    """
    attached = at[0] == "aml:computes" and at[-1] == "resource_id"
    return not attached and at[0] not in _ON_TRUST
