"""Rules for datastores: one account, and no name that every workspace already has."""

from collections.abc import Iterator
from typing import Final

from infra.contract.json_types import Document
from infra.spec.rules.findings import Finding

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
