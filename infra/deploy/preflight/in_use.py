"""What others still have in what a plan deletes: Azure deletes no network that is in use.

Asks only about the types of which Azure says what uses them, by reads alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from infra.arm.bodies import url_path
from infra.arm.client import Client
from infra.arm.diffing import CREATE_FIRST
from infra.arm.soft_delete import pages
from infra.catalogue.api_versions import NETWORK, RESOURCES
from infra.catalogue.documents import value_at
from infra.catalogue.names import parse_arm_id
from infra.contract.json_types import Document
from infra.deploy.preflight.planned import Planned
from infra.deploy.preflight.references import ids_in

_IN_SUBNET: Final = ("ipConfigurations", "privateEndpoints")
_USED_BY: Final[Mapping[str, Sequence[str]]] = {
    "Microsoft.Network/networkSecurityGroups": ("subnets", "networkInterfaces"),
    "Microsoft.Network/virtualNetworks/subnets": _IN_SUBNET,
    "Microsoft.Network/virtualNetworks": _IN_SUBNET,  # of its subnets
}
"""Type to the properties that list what uses one."""
_NETWORK: Final = "Microsoft.Network/virtualNetworks"
_ZONE: Final = "Microsoft.Network/privateDnsZones"
_GROUP: Final = "Microsoft.Resources/resourceGroups"
_OWNERS: Final = {
    "microsoft.network/networkinterfaces": NETWORK,
    "microsoft.network/privateendpoints": NETWORK,
    "microsoft.network/virtualnetworks/subnets": NETWORK,
}
"""Types that count as users, with their api-versions."""
_DELETE_FIRST: Final = "Delete that first, or take it out of there."


@dataclass(frozen=True, slots=True)
class Uses:
    """Asks what uses the resources of one plan and outlives it."""

    client: Client
    plan: Sequence[Planned]

    def kept(self) -> Iterator[tuple[str, str]]:
        """Yield what the service would not delete: its id in lower case, and why."""
        for each in self.plan:
            if not (each.deleted and each.old):
                continue
            left = [user for user in self._users(each) if not self._goes(user, each)]
            if left:
                yield each.old.lower(), f"{', '.join(dict.fromkeys(left))} uses it. {_DELETE_FIRST}"

    def _users(self, each: Planned) -> Iterator[str]:
        if each.row.name == _ZONE:
            path = f"{url_path(each.old)}/virtualNetworkLinks"
            yield from (str(link["id"]) for link in pages(self.client, path, each.row.api_version))
        for key in _USED_BY.get(each.row.name, ()):
            found = self._read(each.old, each.row.api_version)
            for one in self._parts(found) if each.row.name == _NETWORK else (found,):
                for user in value_at(one, f"properties.{key}") or ():
                    yield from self._owner(str(user.get("id")))

    def _parts(self, network: Document) -> Iterator[Document]:
        """Yield the subnets of a network; those of the plan speak for themselves."""
        gone = {each.old.lower() for each in self.plan if each.deleted}
        for each in value_at(network, "properties.subnets") or ():
            if str(each.get("id")).lower() not in gone:
                yield each

    def _owner(self, user: str) -> Iterator[str]:
        """Yield what has to go for ``user`` to go: a network card, not one of its addresses.

        The card of a private endpoint goes with it, and the endpoint is listed by itself. What is
        in a group that a service manages goes with the resource it is managed by; what cannot be
        read is in a service's own subscription, and goes with the nodes of a cluster.
        """
        id_ = parse_arm_id(user)
        owner = id_.parent if id_.types[-1].lower() == "ipconfigurations" else id_
        version = _OWNERS.get(owner.type.lower())
        found = self._read(str(owner), version) if version else {}
        if not found or value_at(found, "properties.privateEndpoint") is not None:
            return
        group = str(owner).partition("/providers/")[0]
        yield str(self._read(group, RESOURCES).get("managedBy") or owner)

    def _goes(self, user: str, each: Planned) -> bool:
        """Whether the plan has deleted ``user``, or turned it elsewhere, by the time it deletes."""
        last = not each.replaced or (each.moves and bool(each.inputs.get(CREATE_FIRST)))
        for one in self.plan:
            # A group goes last, and what is in the resource itself has to go before it.
            if not one.old or one is each or one.row.name == _GROUP:
                continue
            if one.deleted and f"{user}/".lower().startswith(f"{one.old}/".lower()):
                return True
            if last and one.old.lower() == user.lower():
                return each.old.lower() not in map(str.lower, ids_in(one.inputs))
        return False

    def _read(self, id_: str, version: str) -> Document:
        answer = self.client.send("GET", url_path(id_), api_version=version)
        return answer.document if answer.ok else {}
