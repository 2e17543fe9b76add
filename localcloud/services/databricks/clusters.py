"""Clusters: names for a Spark configuration, variables and libraries that runs share.

A cluster is no process: a run on it is one, and starts Spark if it uses it.
"""

import secrets
from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.messages import Reply, answer
from localcloud.services.databricks.libraries import require_libraries
from localcloud.services.databricks.refusals import absent, require_known, wrong
from localcloud.services.databricks.service import USER, Site, SiteCall, routes

_KNOWN: Final = (
    "cluster_id", "cluster_name", "spark_version", "node_type_id", "driver_node_type_id",
    "num_workers", "autoscale", "spark_conf", "spark_env_vars", "custom_tags", "azure_attributes",
    "data_security_mode", "single_user_name", "cluster_log_conf", "autotermination_minutes",
    "enable_elastic_disk", "runtime_engine", "is_single_node", "kind", "use_ml_runtime",
    "apply_policy_default_values", "idempotency_token",
)  # fmt: skip
_REFUSED: Final = {
    "docker_image": "Runs are processes, not containers; give them libraries.",
    "init_scripts": "Give the run libraries, or do it in the script.",
    "instance_pool_id": "The local workspace has no instance pools; give node_type_id.",
    "driver_instance_pool_id": "The local workspace has no instance pools.",
    "policy_id": "The local workspace has no policies.",
}
_NODE_TYPES: Final = ("Standard_DS3_v2", "Standard_D4ds_v5")
_SPARK_VERSION: Final = "17.3.x-scala2.13"


def new_cluster(site: Site, body: Document, *, source: str = "API") -> JsonObject:
    """Store a new cluster, which runs at once; return its document."""
    require_known(body, _KNOWN, _REFUSED, noun="cluster")
    if not body.get("spark_version"):
        raise wrong("Missing required field: spark_version.")
    now = site.milliseconds()
    cluster_id = f"{now // 100000}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"
    cluster: JsonObject = {
        "cluster_name": "",
        "spark_conf": {},
        "spark_env_vars": {},
        "autotermination_minutes": 0,
        **body,
        "cluster_id": cluster_id,
        "creator_user_name": USER,
        "cluster_source": source,
        "state": "RUNNING",
        "state_message": "",
        "start_time": now,
        "spark_context_id": secrets.randbelow(1 << 50),
    }
    site.put("cluster", cluster_id, cluster)
    return cluster


def find_cluster(site: Site, cluster_id: str) -> JsonObject:
    """Return a cluster; Databricks' 400 if there is none."""
    found = site.get("cluster", cluster_id)
    if found is None:
        raise wrong(f"Cluster {cluster_id} does not exist.")
    return found


def set_state(site: Site, cluster: JsonObject, state: str) -> JsonObject:
    """Store a cluster in another state; return it."""
    when = {"start_time" if state == "RUNNING" else "terminated_time": site.milliseconds()}
    changed = {**cluster, **when, "state": state}
    site.put("cluster", cluster["cluster_id"], changed)
    return changed


def cluster_of(on: SiteCall) -> JsonObject:
    """Return the cluster that a call names."""
    return find_cluster(on.site, on.needed("cluster_id"))


def _create(on: SiteCall) -> Reply:
    return answer({"cluster_id": new_cluster(on.site, on.body)["cluster_id"]})


def _edit(on: SiteCall) -> Reply:
    cluster = cluster_of(on)
    require_known(on.body, _KNOWN, _REFUSED, noun="cluster")
    on.site.put("cluster", cluster["cluster_id"], {**cluster, **on.body})
    return answer({})


def _start(on: SiteCall) -> Reply:
    cluster = cluster_of(on)
    if cluster["state"] == "RUNNING":
        raise wrong(f"Cluster {cluster['cluster_id']} is in unexpected state Running.")
    set_state(on.site, cluster, "RUNNING")
    return answer({})


def _list(on: SiteCall) -> Reply:
    return answer({"clusters": on.site.all("cluster")})


def _node_types(_: SiteCall) -> Reply:
    facts = {"memory_mb": 14336, "num_cores": 4.0, "description": "", "category": "General"}
    types = [
        {"node_type_id": name, "instance_type_id": name, "node_instance_type": {}, **facts}
        for name in _NODE_TYPES
    ]
    return answer({"node_types": types})


def _spark_versions(_: SiteCall) -> Reply:
    return answer({"versions": [{"key": _SPARK_VERSION, "name": "17.3 LTS (the PyPI's Spark)"}]})


def libraries_of(site: Site, cluster_id: str) -> list[JsonObject]:
    """Return the libraries that are installed on a cluster."""
    found = site.get("libraries", cluster_id)
    return list(found["libraries"]) if found else []


def _install(on: SiteCall) -> Reply:
    cluster_id = cluster_of(on)["cluster_id"]
    wanted = on.body.get("libraries") or []
    require_libraries(wanted)
    kept = libraries_of(on.site, cluster_id)
    kept += [library for library in wanted if library not in kept]
    on.site.put("libraries", cluster_id, {"libraries": kept})
    return answer({})


def _uninstall(on: SiteCall) -> Reply:
    cluster_id = cluster_of(on)["cluster_id"]
    unwanted = on.body.get("libraries") or []
    kept = [each for each in libraries_of(on.site, cluster_id) if each not in unwanted]
    on.site.put("libraries", cluster_id, {"libraries": kept})
    return answer({})


def _library_status(on: SiteCall) -> Reply:
    return answer(_statuses(on.site, on.needed("cluster_id")))


def _statuses(site: Site, cluster_id: str) -> JsonObject:
    if site.get("cluster", cluster_id) is None:
        raise absent(f"Cluster {cluster_id}")
    # A run that needs them builds their environment; until then nothing is known to be wrong.
    statuses = [
        {"library": library, "status": "INSTALLED", "is_library_for_all_clusters": False}
        for library in libraries_of(site, cluster_id)
    ]
    return {"cluster_id": cluster_id, "library_statuses": statuses}


def _all_statuses(on: SiteCall) -> Reply:
    ids = [cluster["cluster_id"] for cluster in on.site.all("cluster")]
    return answer({"statuses": [_statuses(on.site, each) for each in ids]})


ROUTES: Final = routes(
    (
        ("POST", "/clusters/create", _create),
        ("POST", "/clusters/edit", _edit),
        ("GET", "/clusters/get", lambda on: answer(cluster_of(on))),
        ("GET", "/clusters/list", _list),
        ("POST", "/clusters/start", _start),
        ("GET", "/clusters/list-node-types", _node_types),
        ("GET", "/clusters/spark-versions", _spark_versions),
        ("POST", "/libraries/install", _install),
        ("POST", "/libraries/uninstall", _uninstall),
        ("GET", "/libraries/cluster-status", _library_status),
        ("GET", "/libraries/all-cluster-statuses", _all_statuses),
    )
)
