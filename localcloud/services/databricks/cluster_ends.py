"""Clusters that are terminated, restarted or deleted, which ends the runs on them."""

from typing import Final

from localcloud.calls.messages import Reply, answer
from localcloud.services.databricks.clusters import cluster_of, set_state
from localcloud.services.databricks.engine import DatabricksEngine
from localcloud.services.databricks.service import SiteCall, routes


def _terminate(on: SiteCall) -> Reply:
    _ended(on, "TERMINATED")
    return answer({})


def _restart(on: SiteCall) -> Reply:
    _ended(on, "RUNNING")
    return answer({})


def _forget(on: SiteCall) -> Reply:
    cluster_id = _ended(on, "TERMINATED")
    on.site.remove("cluster", cluster_id)
    on.site.remove("libraries", cluster_id)
    return answer({})


def _ended(on: SiteCall, state: str) -> str:
    cluster = cluster_of(on)
    cluster_id = str(cluster["cluster_id"])
    set_state(on.site, cluster, state)
    on.call.cloud.engine(DatabricksEngine).lose(on.site, cluster_id)
    return cluster_id


ROUTES: Final = routes(
    (
        ("POST", "/clusters/delete", _terminate),
        ("POST", "/clusters/restart", _restart),
        ("POST", "/clusters/permanent-delete", _forget),
    )
)
