"""Rules for what is created for a workspace, private endpoints, diagnostics, hubs and projects."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from infra.contract.json_types import Document
from infra.spec.rules.findings import Finding, entries, exactly_one, listed, off
from infra.spec.rules.networks import wrong_ports

CREATED: Final = {
    "storage_account": "storage_account_id",
    "key_vault": "key_vault_id",
    "container_registry": "container_registry_id",
}
"""Settings of what is created, and the workspace's key that names an existing one instead."""
_SERVICES: Final = {"storage_account": "Microsoft.Storage", "key_vault": "Microsoft.KeyVault"}
_PRINCIPALS: Final = ("identity", "compute", "principal_id")
_PERMISSIONS: Final = ("secret_permissions", "key_permissions", "certificate_permissions")
_KEY: Final = re.compile(r"https://([\w-]+)\.vault\.azure\.net/", re.IGNORECASE)
_OWN: Final = (*CREATED.values(), "application_insights_id")


def _part(stack: Document, key: str) -> Document:
    found = stack.get(key)
    return found if isinstance(found, Mapping) else {}


def belong_to_what_is_created(stack: Document) -> Iterator[Finding]:
    workspace = _part(stack, "workspace")
    for key, existing in CREATED.items():
        if not _part(stack, key):
            continue
        if workspace.get(existing):
            message = f"belongs to one that is created, and {existing} names an existing one."
            yield (key,), message
        elif key in listed(workspace, "without"):
            yield (key,), f"belongs to one that is created, and the workspace is without {key}."
        elif workspace.get("hub_id"):
            yield (key,), "belongs to one that is created; a project uses those of its hub."


def registry_needs_premium(stack: Document) -> Iterator[Finding]:
    registry = _part(stack, "container_registry")
    if registry.get("sku") == "Premium":
        return
    for key, asked in (
        ("ip_rules", bool(listed(registry, "ip_rules"))),
        ("private_endpoint", bool(registry.get("private_endpoint"))),
        ("public_network_access", registry.get("public_network_access") == "disabled"),
    ):
        if asked:
            yield ("container_registry", key), "needs `sku: Premium`."


def datastores_without_keys(stack: Document) -> Iterator[Finding]:
    keyless = _part(stack, "storage_account").get("shared_key_access") == "disabled"
    if keyless and _part(stack, "workspace").get("system_datastores_auth") != "identity":
        message = "needs `system_datastores_auth: identity` under aml:workspace: the default"
        yield (
            ("storage_account", "shared_key_access"),
            f"{message} datastores use the account's key otherwise.",
        )


def firewalls_know_their_subnets(stack: Document) -> Iterator[Finding]:
    """Report subnets that a firewall lets in and that lack the service's endpoint."""
    endpoints = {
        f"{network.get('name')}/{subnet.get('name')}": listed(subnet, "service_endpoints")
        for _, network in entries(stack, "networks")
        for subnet in listed(network, "subnets")
        if isinstance(subnet, Mapping)
    }
    for key, service in _SERVICES.items():
        wall = _part(stack, key).get("firewall")
        for index, name in enumerate(listed(wall, "subnets") if isinstance(wall, Mapping) else ()):
            if isinstance(name, str) and name in endpoints and service not in endpoints[name]:
                message = f"{name!r} needs {service} among its service_endpoints."
                yield (key, "firewall", "subnets", index), message


def ranges_of_accounts_are_large(stack: Document) -> Iterator[Finding]:
    """Report ranges of one or two addresses, which Azure Storage refuses."""
    wall = _part(stack, "storage_account").get("firewall")
    for index, each in enumerate(listed(wall, "ip_rules") if isinstance(wall, Mapping) else ()):
        address, _, bits = str(each).partition("/")
        if bits in {"31", "32"}:
            message = f"is {each}; storage accounts take no /{bits}. Write the address"
            more = "es one by one" if bits == "31" else ""
            at = ("storage_account", "firewall", "ip_rules", index)
            yield at, f"{message}{more}, such as {address}."


def diagnostics_have_a_store(stack: Document) -> Iterator[Finding]:
    diagnostics, workspace = _part(stack, "diagnostics"), _part(stack, "workspace")
    created = not (
        workspace.get("application_insights_id")
        or "application_insights" in listed(workspace, "without")
        or workspace.get("hub_id")
    )
    if "diagnostics" in stack and not created and not diagnostics.get("log_analytics_id"):
        yield ("diagnostics",), "needs log_analytics_id: the stack creates no log store."
    if off(diagnostics.get("logs")) and off(diagnostics.get("metrics")):
        yield ("diagnostics",), "sends neither logs nor metrics; remove it, or switch one on."


def projects_have_a_hub(stack: Document) -> Iterator[Finding]:
    workspace = _part(stack, "workspace")
    kind, hub = workspace.get("kind"), workspace.get("hub_id")
    if kind == "project" and not hub:
        yield ("workspace", "kind"), "a project needs hub_id."
    if hub and kind != "project":
        yield ("workspace", "hub_id"), "belongs to `kind: project`."
    if not hub:
        return
    for key in (*_OWN, "without"):
        if workspace.get(key):
            yield ("workspace", key), "a project uses what its hub has; remove it."
    for index, store in entries(stack, "datastores"):
        if not store.get("account_name") and not store.get("storage_account_id"):
            message = "a project has no storage of its own; set account_name."
            yield ("datastores", index), message


def outbound_rules_fit(stack: Document) -> Iterator[Finding]:
    workspace = _part(stack, "workspace")
    rules, isolation = listed(workspace, "outbound_rules"), workspace.get("managed_network")
    if rules and isolation in (None, "disabled"):
        message = "need a managed_network: allow_internet_outbound or allow_only_approved_outbound."
        yield ("workspace", "outbound_rules"), message
    seen: dict[str, int] = {}
    for index, rule in enumerate(rules):
        if not isinstance(rule, Mapping):
            continue
        at = ("workspace", "outbound_rules", index)
        if rule.get("kind") == "fqdn" and isolation == "allow_internet_outbound":
            yield (
                at,
                "is of kind fqdn, which needs `managed_network: allow_only_approved_outbound`.",
            )
        for problem in wrong_ports(str(rule.get("ports") or "")):
            yield (*at, "ports"), problem
        name = str(rule.get("name")).lower()
        if name in seen:
            yield (*at, "name"), f"is the name of outbound_rules[{seen[name]}] too."
        seen.setdefault(name, index)


def images_are_built_by_a_cluster(stack: Document) -> Iterator[Finding]:
    wanted = _part(stack, "workspace").get("image_build_compute")
    for _, compute in entries(stack, "computes"):
        if wanted and compute.get("name") == wanted and compute.get("kind") != "aml_compute":
            message = f"{wanted!r} is of kind {compute.get('kind')}; use an aml_compute."
            yield ("workspace", "image_build_compute"), message


def keys_are_in_their_vault(stack: Document) -> Iterator[Finding]:
    encryption = _part(stack, "workspace").get("encryption")
    found = encryption if isinstance(encryption, Mapping) else {}
    key, vault = _KEY.match(str(found.get("key"))), str(found.get("key_vault_id"))
    name = vault.rstrip("/").rpartition("/")[2]
    if key and name and vault.startswith("/") and key[1].lower() != name.lower():
        message = f"is a key of vault {key[1]!r}, and key_vault_id names {name!r}."
        yield ("workspace", "encryption", "key"), message


def policies_fit_the_vault(stack: Document) -> Iterator[Finding]:
    """Report policies of a vault where roles decide, and those that are not for one principal."""
    vault = _part(stack, "key_vault")
    policies = listed(vault, "access_policies")
    if policies and vault.get("authorization") == "rbac":
        message = "does not fit `authorization: rbac`; use aml:role_assignments."
        yield ("key_vault", "access_policies"), message
    seen: dict[str, int] = {}
    for index, policy in enumerate(policies):
        if not isinstance(policy, Mapping):
            continue
        at = ("key_vault", "access_policies", index)
        problem = exactly_one(policy, *_PRINCIPALS)
        if problem:
            yield at, problem
            continue
        if not any(listed(policy, key) for key in _PERMISSIONS):
            yield at, f"permits nothing; give it {', '.join(_PERMISSIONS)}."
        who = next(str(policy[key]).lower() for key in _PRINCIPALS if policy.get(key))
        if who in seen:
            yield at, f"is for the same principal as access_policies[{seen[who]}]; join them."
        seen.setdefault(who, index)


def secrets_are_named_once(stack: Document) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for index, secret in enumerate(listed(_part(stack, "key_vault"), "secrets")):
        name = str(secret.get("name") if isinstance(secret, Mapping) else "").lower()
        if name and name in seen:
            yield (
                ("key_vault", "secrets", index, "name"),
                f"is the name of secrets[{seen[name]}] too (case is ignored).",
            )
        seen.setdefault(name, index)
