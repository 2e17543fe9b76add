"""Rules for connections, and for Kubernetes clusters that a stack creates and attaches."""

from collections.abc import Iterator, Mapping
from typing import Final

from infra.catalogue.locations import location_name
from infra.contract.json_types import Document
from infra.spec.problems import did_you_mean
from infra.spec.rules.findings import Finding, entries, exactly_one, listed, off, whole

_KEYED: Final = frozenset({"api_key", "aad"})
_STORED: Final = frozenset({"account_key", "sas", "service_principal", "aad"})
_DATABASE: Final = frozenset({"username_password", "service_principal", "managed_identity"})
FITTING: Final[Mapping[str, frozenset[str]]] = {
    "git": frozenset({"pat", "username_password"}),
    "python_feed": frozenset({"pat", "username_password"}),
    "container_registry": frozenset({"username_password", "managed_identity"}),
    "azure_open_ai": _KEYED,
    "azure_ai_services": _KEYED,
    "azure_ai_search": _KEYED,
    "open_ai": frozenset({"api_key"}),
    "serp": frozenset({"api_key"}),
    "serverless": frozenset({"api_key"}),
    "api_key": frozenset({"api_key"}),
    "azure_blob": _STORED,
    "azure_data_lake_gen_2": _STORED,
    "azure_sql_db": _DATABASE,
    "azure_synapse_analytics": _DATABASE,
    "azure_my_sql_db": frozenset({"username_password"}),
    "azure_postgres_db": frozenset({"username_password"}),
    "s3": frozenset({"access_key"}),
    "snowflake": frozenset({"username_password"}),
    "custom": frozenset(),
}
"""Kind of a connection to the credentials that azure-ai-ml takes for it."""
_ANONYMOUS: Final = frozenset({"git", "python_feed", "azure_blob", "azure_data_lake_gen_2"})


def credentials_fit(connection: Document) -> Iterator[Finding]:
    kind, given = str(connection.get("kind")), connection.get("credentials")
    fitting = FITTING.get(kind)
    if fitting is None:
        return
    type_ = given.get("type") if isinstance(given, Mapping) else None
    if kind == "custom":
        if given:
            yield ("credentials",), "does not fit `kind: custom`; write its secrets by name."
        elif not connection.get("secrets"):
            yield (), "needs secrets, by name."
        return
    if connection.get("secrets"):
        yield ("secrets",), "belongs to `kind: custom`; write credentials."
    if not connection.get("target") and kind != "serp":
        yield (), "needs the service's URL as target."
    if isinstance(type_, str) and type_ not in fitting:
        message = f"{type_!r} does not fit `kind: {kind}`; it takes {' or '.join(sorted(fitting))}."
        yield ("credentials", "type"), message
    if given is None and kind not in _ANONYMOUS:
        yield (), f"needs credentials of type {' or '.join(sorted(fitting))}."


def attached_cluster(compute: Document) -> Iterator[Finding]:
    problem = exactly_one(compute, "resource_id", "cluster")
    if problem:
        yield (), problem


def pool_is_ordered(cluster: Document) -> Iterator[Finding]:
    least, most = whole(cluster.get("nodes", 3)), whole(cluster.get("max_nodes"))
    if least is not None and most is not None and most < least:
        yield ("max_nodes",), f"is {most}, less than nodes, which is {least}."
    if cluster.get("subnet") and cluster.get("subnet_id"):
        yield ("subnet",), "conflicts with subnet_id; set one of them."
    if off(cluster.get("training", True)) and off(cluster.get("inference", False)):
        yield ("training",), "or inference has to be true: the extension is for one of them."


def clusters_are_declared(stack: Document) -> Iterator[Finding]:
    known = [str(each.get("name")) for _, each in entries(stack, "kubernetes_clusters")]
    first: dict[str, int] = {}
    for index, compute in entries(stack, "computes"):
        name = compute.get("cluster")
        if not isinstance(name, str):
            continue
        at = ("computes", index, "cluster")
        if name not in known:
            hint = did_you_mean(name, known)
            if not hint:
                hint = f" Declared: {', '.join(known)}." if known else " There are none."
            yield at, f"{name!r} is not declared under aml:kubernetes_clusters.{hint}"
        elif name in first:
            yield at, f"is attached by aml:computes[{first[name]}] already."
        first.setdefault(name, index)


def regions_differ(registry: Document) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for index, each in enumerate(listed(registry, "regions")):
        name = location_name(str(each))
        if name in seen:
            yield ("regions", index), f"is the region of regions[{seen[name]}] too; remove one."
        seen.setdefault(name, index)
