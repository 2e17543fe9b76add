"""Rules for attachments: one way to name the resource, one credential, one attachment per resource.

Sources: Azure ML's documentation of compute targets (addresses, regions, subscription) and the
checks of the first SDK.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from infra.catalogue.locations import location_name
from infra.catalogue.names import parse_arm_id
from infra.catalogue.retired import DATA_LAKE_ANALYTICS, INSTEAD_OF_IT
from infra.contract.errors import UsageError
from infra.contract.json_types import Document
from infra.spec.computes import ATTACHMENTS
from infra.spec.rules.findings import Finding, entries, exactly_one, is_adopted

# East US, West US 2 and South Central US do not support attachments by address.
BY_ID_ONLY: Final = frozenset({"eastus", "westus2", "southcentralus"})


def named_once(compute: Document) -> Iterator[Finding]:
    problem = exactly_one(compute, "resource_id", "address")
    if problem:
        yield ("address",) if compute.get("address") else (), problem


def one_credential(compute: Document) -> Iterator[Finding]:
    problem = exactly_one(compute, "password", "private_key")
    if problem:
        yield ("private_key",) if compute.get("private_key") else (), problem
    if compute.get("passphrase") and not compute.get("private_key"):
        yield ("passphrase",), "belongs to a private_key, and there is none."


def ssh_host(compute: Document) -> Iterator[Finding]:
    address = compute.get("address")
    if isinstance(address, str) and address.endswith(".azurehdinsight.net"):
        host, _, domain = address.partition(".")
        if not host.endswith("-ssh"):
            yield (
                ("address",),
                f"is the web address of the cluster; use its SSH address, {host}-ssh.{domain}.",
            )


def known_instance_types(stack: Document) -> Iterator[Finding]:
    for index, compute in entries(stack, "computes"):
        default, types = compute.get("default_instance_type"), compute.get("instance_types")
        if not (default and isinstance(types, Mapping)) or is_adopted(stack, compute.get("name")):
            continue
        if default not in types:
            at = ("computes", index, "default_instance_type")
            yield at, f"{default!r} is not among instance_types."


def across(stack: Document, subscription: str | None) -> Iterator[Finding]:
    """Yield problems of the stack as a whole: region, cloud, subscription, and duplicates."""
    location = location_name(str(stack.get("location") or ""))
    seen: dict[str, int] = {}
    for index, compute in entries(stack, "computes"):
        if compute.get("kind") not in ATTACHMENTS:
            continue
        at = ("computes", index)
        key = _resource(compute)
        if is_adopted(stack, compute.get("name")):
            seen.setdefault(key, index)
            continue
        if compute.get("address") and location in BY_ID_ONLY:
            message = f"is not supported in {location}; set resource_id."
            yield (*at, "address"), message
        if compute["kind"] == "data_lake_analytics":
            yield (*at, "kind"), f"{DATA_LAKE_ANALYTICS}. {INSTEAD_OF_IT}."
        if compute["kind"] == "databricks" and stack.get("cloud") == "azure" and subscription:
            yield from _same_subscription(at, compute, subscription)
        if key and key in seen:
            other = f"aml:computes[{seen[key]}]"
            message = f"is also attached by {other}; a second attachment breaks the first."
            yield (*at, "resource_id" if compute.get("resource_id") else "address"), message
        elif key:
            seen[key] = index


def _same_subscription(
    at: tuple[str | int, ...], compute: Document, subscription: str
) -> Iterator[Finding]:
    try:
        found = parse_arm_id(str(compute.get("resource_id"))).subscription
    except UsageError:
        return  # already reported
    if found.lower() != subscription.lower():
        message = (
            f"is in subscription {found}; Databricks must be in the workspace's subscription, "
        )
        yield (*at, "resource_id"), f"{message}{subscription}."


def _resource(compute: Document) -> str:
    """Return the resource of an attachment in comparable form, or an empty string."""
    if isinstance(compute.get("resource_id"), str):
        return str(compute["resource_id"]).rstrip("/").lower()
    if isinstance(compute.get("address"), str):
        return f"{compute['address']}:{compute.get('ssh_port', 22)}".lower()
    return ""
