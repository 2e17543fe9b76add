"""Rules for datastores: one account, and no name that every workspace already has."""

from collections.abc import Iterator, Mapping
from typing import Final

from infra.contract.json_types import Document
from infra.spec.rules.findings import Finding, entries, off

OWN: Final = frozenset(
    {
        "workspaceblobstore",
        "workspacefilestore",
        "workspaceartifactstore",
        "workspaceworkingdirectory",
    }
)


def one_account(store: Document) -> Iterator[Finding]:
    if store.get("account_name") and store.get("storage_account_id"):
        yield ("account_name",), "conflicts with storage_account_id; set one of them."


def free_name(store: Document) -> Iterator[Finding]:
    if str(store.get("name")).lower() in OWN:
        yield (
            ("name",),
            f"every workspace already has a datastore {store['name']}; choose another name.",
        )


def container_of_the_own_account(stack: Document) -> Iterator[Finding]:
    """Report containers to create in accounts that are not the stack's own."""
    found = stack.get("workspace")
    workspace: Document = found if isinstance(found, Mapping) else {}
    for index, store in entries(stack, "datastores"):
        if off(store.get("create", False)):
            continue
        elsewhere = store.get("account_name") or store.get("storage_account_id")
        if elsewhere or workspace.get("storage_account_id") or workspace.get("hub_id"):
            message = "needs the storage account that the stack creates; create the container"
            yield ("datastores", index, "create"), f"{message} where its account is made."
