"""Soft delete: recovers or purges a deleted workspace or vault whose name is needed again.

Azure keeps both for days and refuses a create under their names. The stack decides between the
two; this module carries it out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from infra.arm.client import Client, checked
from infra.catalogue.api_versions import KEY_VAULT, MACHINE_LEARNING
from infra.catalogue.locations import location_name
from infra.catalogue.names import parse_arm_id, same_arm_id
from infra.catalogue.types.row import ArmType
from infra.contract.errors import ProviderError
from infra.contract.json_types import Document

Policy = Literal["recover", "purge"]
WORKSPACE: Final = "Microsoft.MachineLearningServices/workspaces"
VAULT: Final = "Microsoft.KeyVault/vaults"
SOFT_DELETED: Final = "SoftDeleted"
# Without permission to look, nothing is found.
_NOT_FOR_US: Final = frozenset({401, 403, 404})


@dataclass(frozen=True, slots=True)
class SoftDeletePolicy:
    """What to do with a soft-deleted resource: ``recover`` it, or ``purge`` it for good.

    With ``purge``, a delete is permanent in the first place. Without ``insists``, a vault that
    nobody can purge is recovered all the same.
    """

    workspace: Policy = "recover"
    key_vault: Policy = "recover"
    insists: bool = True

    def of(self, type: str) -> Policy | None:
        """Return the policy for an ARM type; ``None`` for a type without soft delete."""
        return {WORKSPACE: self.workspace, VAULT: self.key_vault}.get(type)

    def of_deleted(self, each: "DeletedResource") -> Policy | None:
        """Return the policy for one soft-deleted resource."""
        return "recover" if each.protected and not self.insists else self.of(each.type)


@dataclass(frozen=True, slots=True)
class DeletedResource:
    """A soft-deleted resource, whose name is still taken. Times are the service's, or empty."""

    type: str
    id: str
    name: str
    location: str
    deleted: str = ""
    until: str = ""
    protected: bool = False
    """It has purge protection, so nobody can purge it."""


class SoftDeleteHandler:
    """Frees a name before a create and finishes a delete, as the policy says."""

    def __init__(self, client: Client, policy: SoftDeletePolicy) -> None:
        self._client = client
        self._policy = policy

    def purge_first(self, row: ArmType, id: str, inputs: Document) -> None:
        """Purge the soft-deleted resource under ``id``, if that is the policy.

        The caller has checked that no live resource has the id. Vault names are global: the
        deleted vault may belong to another group.
        """
        if self._policy.of(row.name) != "purge":
            return
        if row.name == WORKSPACE:
            purge_workspace(self._client, id)
        else:
            self._purge_vault(id, inputs)

    def recovers(self, row: ArmType, id: str, inputs: Document) -> bool:
        """Return whether a create under ``id`` has something to recover, by policy.

        Azure has no API that recovers a workspace. A workspace of the local cloud is restored
        when this returns.
        """
        if row.name == VAULT:
            found = deleted_vault(self._client, id, str(inputs.get("location") or ""))
            if found is None or not same_arm_id(found.id, id):
                return False
            return self._policy.of_deleted(found) == "recover"
        if self._policy.of(row.name) != "recover":
            return False
        return self._client.endpoint.local and recover_workspace(self._client, id)

    def delete_query(self, row: ArmType) -> Mapping[str, str]:
        """Return the query of a DELETE that is permanent."""
        purges = row.name == WORKSPACE and self._policy.workspace == "purge"
        return {"forceToPurge": "true"} if purges else {}

    def after_delete(self, row: ArmType, id: str, inputs: Document) -> None:
        """Purge the vault that was just deleted, if that is the policy."""
        if row.name == VAULT and self._policy.key_vault == "purge":
            self._purge_vault(id, inputs)

    def _purge_vault(self, id: str, inputs: Document) -> None:
        found = deleted_vault(self._client, id, str(inputs.get("location") or ""))
        if found is not None and same_arm_id(found.id, id) and not found.protected:
            purge(self._client, found)


def recovering(inputs: Document) -> Document:
    """Return the inputs that recover a vault; the service ignores all other changes beside them."""
    return {**inputs, "properties": {**(inputs.get("properties") or {}), "createMode": "recover"}}


def deleted_vault(client: Client, id: str, location: str) -> DeletedResource | None:
    """Return the deleted vault of this name in ``location``; ``None`` where there is none.

    ``None`` also without permission to look: the create then reports the conflict.
    """
    vault = parse_arm_id(id)
    base = f"/subscriptions/{vault.subscription}/providers/Microsoft.KeyVault"
    where = f"{base}/locations/{location_name(location)}/deletedVaults/{vault.name}"
    answer = client.send("GET", where, api_version=KEY_VAULT)
    if answer.status in _NOT_FOR_US:
        return None
    return _vault(checked(answer, at=id).document)


def deleted_vaults(client: Client, subscription: str) -> Iterator[DeletedResource]:
    """Yield every deleted vault of a subscription."""
    path = f"/subscriptions/{subscription}/providers/Microsoft.KeyVault/deletedVaults"
    for document in pages(client, path, KEY_VAULT):
        yield _vault(document)


def deleted_workspaces(client: Client, subscription: str) -> Iterator[DeletedResource]:
    """Yield every deleted workspace: the subscription's list includes them, with their state."""
    path = f"/subscriptions/{subscription}/providers/{WORKSPACE}"
    for document in pages(client, path, MACHINE_LEARNING):
        properties = document.get("properties") or {}
        if properties.get("provisioningState") == SOFT_DELETED:
            yield DeletedResource(
                WORKSPACE,
                str(document["id"]),
                str(document.get("name")),
                str(document.get("location")),
                str(properties.get("softDeletedAt") or ""),
                str(properties.get("scheduledPurgeDate") or ""),
            )


def purge(client: Client, deleted: DeletedResource) -> None:
    """Purge a soft-deleted resource."""
    if deleted.type == WORKSPACE:
        purge_workspace(client, deleted.id)
        return
    vault = parse_arm_id(deleted.id)
    base = f"/subscriptions/{vault.subscription}/providers/Microsoft.KeyVault"
    where = f"{base}/locations/{location_name(deleted.location)}/deletedVaults/{deleted.name}/purge"
    client.complete("POST", where, api_version=KEY_VAULT)


def purge_workspace(client: Client, id: str) -> None:
    """Purge a soft-deleted workspace, if there is one."""
    try:
        client.complete("DELETE", id, api_version=MACHINE_LEARNING, params={"forceToPurge": "true"})
    except ProviderError as error:
        if error.code not in {"ResourceNotFound", "ResourceGroupNotFound"}:
            raise


def recover_workspace(client: Client, id: str) -> bool:
    """Recover a soft-deleted workspace of the local cloud; return whether there was one."""
    answer = client.send("POST", f"{id}/recover", api_version=MACHINE_LEARNING)
    if answer.status in _NOT_FOR_US:
        return False
    checked(answer, at=id)
    return True


def pages(client: Client, path: str, api_version: str) -> Iterator[Document]:
    """Yield the items of a list, page by page."""
    url, version = path, api_version
    while url:
        document = checked(client.send("GET", url, api_version=version), at=path).document
        yield from document.get("value") or []
        url, version = str(document.get("nextLink") or ""), ""


def _vault(document: Document) -> DeletedResource:
    properties = document.get("properties") or {}
    return DeletedResource(
        VAULT,
        str(properties.get("vaultId") or ""),
        str(document.get("name") or ""),
        str(properties.get("location") or ""),
        str(properties.get("deletionDate") or ""),
        str(properties.get("scheduledPurgeDate") or ""),
        properties.get("purgeProtectionEnabled") is True,
    )
