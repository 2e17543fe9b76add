"""Asks a cloud what would stop a plan half way: reads alone, and only for what the plan changes.

A query that the caller has no permission for becomes a remark; what follows from the answers is
decided in `obstacles`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from http import HTTPStatus
from typing import Final

from infra.arm.bodies import url_path
from infra.arm.client import Client, checked
from infra.arm.soft_delete import (
    VAULT,
    WORKSPACE,
    DeletedResource,
    SoftDeletePolicy,
    deleted_vault,
    deleted_workspaces,
    pages,
)
from infra.catalogue.api_versions import (
    CONTAINER_REGISTRY_NAMES,
    KEY_VAULT,
    LOCKS,
    NETWORK,
    STORAGE,
)
from infra.catalogue.documents import value_at
from infra.catalogue.names import parse_arm_id
from infra.catalogue.types.table import TYPES
from infra.contract.errors import ProviderError
from infra.contract.json_types import Document
from infra.deploy.preflight.address_ranges import networks_of
from infra.deploy.preflight.facts import Region
from infra.deploy.preflight.in_use import Uses
from infra.deploy.preflight.obstacles import Lock, ObstacleFacts, obstacles
from infra.deploy.preflight.permissions import missing_roles, permissions_at
from infra.deploy.preflight.planned import Planned, planned
from infra.deploy.preflight.planned_quota import regions_of
from infra.deploy.preflight.queries import state_ids
from infra.deploy.preflight.references import ids_in
from infra.deploy.preflight.regions import region_offers
from infra.deploy.stack.endpoints import Destination
from infra.engine.model.events import Step
from infra.engine.model.resources import Loaded

_LOCKS: Final = "/providers/microsoft.authorization/locks/"
_CONTAINER: Final = "Microsoft.Storage/storageAccounts/blobServices/containers"
_DAYS: Final = 90
"""How long Azure keeps a deleted vault that does not say otherwise."""
_NAMES: Final[Mapping[str, str]] = {
    "Microsoft.Storage/storageAccounts": STORAGE,
    VAULT: KEY_VAULT,
    "Microsoft.ContainerRegistry/registries": CONTAINER_REGISTRY_NAMES,
}
_ROLE: Final = "microsoft.authorization/roledefinitions"
_ML: Final = "Microsoft.MachineLearningServices/workspaces"
_ON_TRUST: Final = frozenset({f"{_ML}/datastores", f"{_ML}/connections"})
_VERSIONS: Final = {row.name.lower(): row.api_version for row in TYPES}


class ObstacleQueries:
    """The queries about one plan."""

    def __init__(
        self, client: Client, plan: Sequence[Planned], subscription: str, *, own: frozenset[str]
    ) -> None:
        self._client = client
        self._plan = plan
        self._subscription = subscription
        self._own = own
        self._unanswered: list[str] = []

    def facts(self, policy: SoftDeletePolicy, *, own_program: bool) -> ObstacleFacts:
        """Send every query and return the answers.

        What a stack file creates is checked with its lines, so it is left out here. Only a program
        of one's own has its creations checked like its replacements.
        """
        made = [each for each in self._plan if each.moves or (own_program and each.created)]
        new = [each for each in made if each.new and each.new.lower() not in self._own]
        regions = regions_of(self._plan) if own_program else ()
        return ObstacleFacts(
            local=self._client.endpoint.local,
            policy=policy,
            own_program=own_program,
            locks=list(self._locks()),
            protected=dict(self._protected()),
            kept={**dict(self._in_use()), **dict(self._kept())},
            deleted={each.new.lower(): found for each in new if (found := self._deleted(each))},
            own=self._own,
            there=frozenset(each.new.lower() for each in new if self._is_there(each)),
            taken=dict(self._taken(new)),
            missing=dict(self._missing(own_program=own_program)),
            offers={name: self._offers(name) for name in regions},
            networks=dict(self._networks()),
            unanswered=self._unanswered,
        )

    def _locks(self) -> Iterator[Lock]:
        changed = [id_ for each in self._plan for id_ in (each.old, each.new) if id_]
        for subscription in dict.fromkeys(parse_arm_id(id_).subscription for id_ in changed):
            path = f"/subscriptions/{subscription}/providers/Microsoft.Authorization/locks"
            try:
                found = list(pages(self._client, path, LOCKS))
            except ProviderError as error:
                self._unanswered.append(f"Locks could not be read: {error.detail}")
                continue
            for each in found:
                id_ = str(each.get("id"))
                scope = id_[: id_.lower().rindex(_LOCKS)] if _LOCKS in id_.lower() else ""
                yield Lock(id_, scope, str(value_at(each, "properties.level")))

    def _protected(self) -> Iterator[tuple[str, int]]:
        for each in self._plan:
            if each.replaced and each.old and each.row.name == VAULT:
                found = self._read(each.old, KEY_VAULT) or each.step.old or {}
                if value_at(found, "properties.enablePurgeProtection") is True:
                    days = value_at(found, "properties.softDeleteRetentionInDays")
                    yield each.old.lower(), int(days or _DAYS)

    def _kept(self) -> Iterator[tuple[str, str]]:
        for each in self._plan:
            if each.deleted and each.old and each.row.name == _CONTAINER:
                found = self._read(each.old, each.row.api_version)
                if value_at(found, "properties.hasLegalHold") is True:
                    yield each.old.lower(), "it is under a legal hold. Clear it first."
                elif value_at(found, "properties.immutabilityPolicy.properties.state") == "Locked":
                    yield each.old.lower(), "its immutability policy is locked. Keep the container."

    def _in_use(self) -> Iterator[tuple[str, str]]:
        try:
            yield from Uses(self._client, self._plan).kept()
        except ProviderError as error:
            self._unanswered.append(f"What uses the networks could not be read: {error.detail}")

    def _networks(self) -> Iterator[tuple[str, Document]]:
        for id_ in networks_of(self._plan):
            found = self._read(id_, NETWORK)
            if found:
                yield id_.lower(), found

    def _deleted(self, each: Planned) -> DeletedResource | None:
        try:
            if each.row.name == VAULT:
                location = str(each.inputs.get("location") or "")
                return deleted_vault(self._client, each.new, location)
            if each.row.name == WORKSPACE:
                known = deleted_workspaces(self._client, self._subscription)
                return next((one for one in known if one.id.lower() == each.new.lower()), None)
        except ProviderError as error:
            self._unanswered.append(f"What is soft-deleted could not be read: {error.detail}")
        return None

    def _offers(self, region: str) -> Region:
        return region_offers(self._client, self._subscription, region, self._unanswered)

    def _is_there(self, each: Planned) -> bool:
        return self._client.send("GET", url_path(each.new), api_version=each.row.api_version).ok

    def _taken(self, new: Sequence[Planned]) -> Iterator[tuple[str, str]]:
        names = {parse_arm_id(id_).name for id_ in self._own}
        for each in new:
            version, name = _NAMES.get(each.row.name), parse_arm_id(each.new).name
            if version is None or name.lower() in names:
                continue
            namespace = each.row.name.partition("/")[0]
            path = f"/subscriptions/{self._subscription}/providers/{namespace}"
            body = {"name": name, "type": each.row.name}
            try:
                answer = self._client.send(
                    "POST", f"{path}/checkNameAvailability", api_version=version, body=body
                )
                document = checked(answer, at=path).document
            except ProviderError as error:
                what = f"The availability of the name {name!r}"
                self._unanswered.append(f"{what} could not be checked: {error.detail}")
                continue
            if document.get("nameAvailable") is False:
                why = document.get("message") or document.get("reason") or "it is taken"
                yield each.new.lower(), str(why)

    def _missing(self, *, own_program: bool) -> Iterator[tuple[str, list[str]]]:
        """Yield what a new resource refers to and that neither exists nor is made by the plan.

        On the local cloud only what it looks for itself: for the rest it takes anybody's word,
        since only Azure has it.
        """
        made = {each.new.lower() for each in self._plan if each.new}
        there: dict[str, bool] = {}
        for each in self._plan:
            if not (each.replaced or (own_program and each.created)):
                continue
            named = [id_ for id_ in ids_in(each.inputs) if not _is_in(id_, made | self._own)]
            lost = [id_ for id_ in dict.fromkeys(named) if self._lacks(each, id_, there)]
            if lost:
                yield each.step.urn, lost

    def _lacks(self, each: Planned, id_: str, there: dict[str, bool]) -> bool:
        type_ = parse_arm_id(id_).type.lower()
        version, local = _VERSIONS.get(type_), self._client.endpoint.local
        if version is None or (local and (type_ == _ROLE or _is_trusted(each))):
            return False
        key = id_.lower()
        if key not in there:
            answer = self._client.send("GET", url_path(id_), api_version=version)
            there[key] = answer.status != HTTPStatus.NOT_FOUND
        return not there[key]

    def _read(self, id_: str, version: str) -> Document:
        answer = self._client.send("GET", url_path(id_), api_version=version)
        return answer.document if answer.ok else {}


def _is_trusted(each: Planned) -> bool:
    """Return whether the local cloud does not look for what a resource refers to."""
    return each.detached or each.row.name in _ON_TRUST


def _is_in(id_: str, known: Collection[str]) -> bool:
    """Return whether a resource is known, or is a part of one that is."""
    return any(f"{id_}/".lower().startswith(f"{each}/") for each in known)


def find_obstacles(
    steps: Sequence[Step],
    to: Destination,
    loaded: Loaded,
    policy: SoftDeletePolicy,
    *,
    own_program: bool,
) -> tuple[list[str], Sequence[str]]:
    """Query the cloud about a plan; return what would stop it, and remarks."""
    plan = planned(steps, to.subscription)
    if not plan:
        return [], ()
    own = state_ids(loaded, to.subscription)
    unread: list[str] = []
    with closing(Client(to.endpoint, to.credential)) as client:
        forbidden = list(missing_roles(plan, permissions_at(client, unread)))
        queries = ObstacleQueries(client, plan, to.subscription, own=own)
        facts = queries.facts(policy, own_program=own_program)
    return [*forbidden, *obstacles(plan, facts)], [*unread, *facts.unanswered]
