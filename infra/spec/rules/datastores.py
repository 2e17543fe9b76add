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


def containers_are_made_once(stack: Document) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, store in entries(stack, "datastores"):
        name = store.get("container")
        if off(store.get("create", False)) or not isinstance(name, str):
            continue
        if name in first:
            message = f"aml:datastores[{first[name]}] creates the container {name!r} already"
            yield ("datastores", index, "create"), f"{message}; leave create out."
        first.setdefault(name, index)


def keys_that_the_own_account_takes(stack: Document) -> Iterator[Finding]:
    """Report account keys of an account whose settings refuse them."""
    account = stack.get("storage_account")
    settings: Document = account if isinstance(account, Mapping) else {}
    if settings.get("shared_key_access") != "disabled":
        return
    for index, store in entries(stack, "datastores"):
        signs_in = store.get("credentials")
        type_ = signs_in.get("type") if isinstance(signs_in, Mapping) else None
        elsewhere = store.get("account_name") or store.get("storage_account_id")
        if type_ == "account_key" and not elsewhere:
            message = "account_key does not work with `shared_key_access: disabled` of the account"
            yield (
                ("datastores", index, "credentials", "type"),
                f"{message}; leave credentials out, then identities are used.",
            )
