"""Rules of datastores: one account, and names the workspace does not have already."""

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
        yield ("account_name",), "is given beside storage_account_id; the id says it already."


def free_name(store: Document) -> Iterator[Finding]:
    if str(store.get("name")).lower() in OWN:
        yield ("name",), f"every workspace has a {store['name']} already; choose another name."
