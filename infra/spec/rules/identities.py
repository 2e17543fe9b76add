"""Rules for managed identities: which types take which identities."""

from collections.abc import Iterator, Mapping

from infra.contract.json_types import Document
from infra.spec.rules.findings import Finding, listed


def primary_identity(stack: Document) -> Iterator[Finding]:
    workspace = stack.get("workspace")
    if not isinstance(workspace, Mapping) or not workspace.get("primary_identity_id"):
        return
    chosen = workspace.get("identity")
    if not isinstance(chosen, Mapping) or chosen.get("type") != "system_and_user_assigned":
        message = "belongs to an identity of type system_and_user_assigned; remove it."
        yield ("workspace", "primary_identity_id"), message
        return
    primary = str(workspace["primary_identity_id"]).rstrip("/").lower()
    ids = [str(each).rstrip("/").lower() for each in listed(chosen, "ids")]
    names = [str(each).lower() for each in listed(chosen, "names")]
    if primary.startswith("/") and primary not in ids and primary.rpartition("/")[2] not in names:
        message = "is no identity of the workspace; add it to identity.ids."
        yield ("workspace", "primary_identity_id"), message


def identity(owner: Document) -> Iterator[Finding]:
    chosen = owner.get("identity")
    if not isinstance(chosen, Mapping):
        return
    kind, some = chosen.get("type"), [key for key in ("names", "ids") if chosen.get(key)]
    if kind in ("user_assigned", "system_and_user_assigned") and not some:
        message = f"{kind} needs names from aml:identities, or ids of existing identities."
        yield ("identity", "ids"), message
    if kind == "system_assigned":
        for key in some:
            yield (
                ("identity", key),
                f"system_assigned takes no {key}; use system_and_user_assigned, or remove them.",
            )
