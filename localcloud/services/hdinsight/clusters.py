"""HDInsight clusters as ARM resources: logins, endpoints and the settings of their gateway."""

from dataclasses import replace
from typing import Final

from infra.catalogue.api_versions import HDINSIGHT
from infra.contract.json_types import JsonObject
from localcloud.calls.kinds import Kind
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.refusals import invalid
from localcloud.calls.routes import Route
from localcloud.calls.uniqueness import require_unique_name
from localcloud.services.hdinsight.engine import (
    CONFIGURATIONS,
    HdinsightEngine,
    gateway_of,
    login_of,
)
from localcloud.services.hdinsight.livy import CLUSTERS, ROWS, served
from localcloud.store.resources import StoredResource

_LOGIN: Final = "properties.computeProfile.roles.osProfile.linuxOperatingSystemProfile"
_GATEWAY: Final = (
    "restAuthCredential.isEnabled",
    "restAuthCredential.username",
    "restAuthCredential.password",
)


def _fill(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    require_unique_name(call, "ClusterNameNotAvailable", old)
    return wanted


def _show(call: Call, resource: StoredResource, body: JsonObject) -> JsonObject:
    """Add state and endpoints on reading: ports may change."""
    node = call.cloud.engine(HdinsightEngine).head_node(resource)
    port = int(call.cloud.authority.rpartition(":")[2])
    address = f"{call.cloud.authority}/hdinsight/{resource.name}"
    endpoints = [
        {
            "name": "SSH",
            "protocol": "TCP",
            "location": "127.0.0.1",
            "port": node.port,
            "hostKey": node.host_key,
        },
        {"name": "HTTPS", "protocol": "TCP", "location": address, "port": port},
    ]
    outputs = {"clusterState": "Running", "connectivityEndpoints": endpoints}
    return {**body, "properties": {**body["properties"], **outputs}}


def _stored(call: Call, cluster: StoredResource, old: StoredResource | None) -> None:
    if old is None:
        call.cloud.engine(HdinsightEngine).create(cluster)


def _removed(call: Call, cluster: StoredResource) -> None:
    call.cloud.engine(HdinsightEngine).delete(cluster)


def _gateway(call: Call) -> Reply:
    user, password = gateway_of(existing(call))
    return answer(dict(zip(_GATEWAY, ("true", user, password), strict=True)))


def _set_gateway(call: Call) -> Reply:
    cluster, body = existing(call), call.json()
    password = body.get("restAuthCredential.password")
    if not password:
        raise invalid([("restAuthCredential.password", "The password is required.")])
    old = dict(cluster.secrets.get(CONFIGURATIONS) or {})
    user = body.get("restAuthCredential.username") or gateway_of(cluster)[0]
    old["gateway"] = dict(zip(_GATEWAY, ("true", user, password), strict=True))
    changed = replace(cluster, secrets={**cluster.secrets, CONFIGURATIONS: old})
    call.cloud.store.resources.put(changed)
    return Reply(200)


def _configurations(call: Call) -> Reply:
    found = existing(call).secrets.get(CONFIGURATIONS) or {}
    return answer({"configurations": found})


def _hosts(call: Call) -> Reply:
    cluster = existing(call)
    name = f"hn0-{cluster.name.lower()}"
    user = login_of(cluster)[0]
    return answer(
        [{"name": name, "fqdn": f"{name}.{user}.local", "effectiveDiskEncryptionKeyUrl": ""}]
    )


KINDS: Final = (
    Kind(
        CLUSTERS,
        versions=(HDINSIGHT,),
        required=(
            "properties.clusterVersion",
            "properties.clusterDefinition",
            "properties.computeProfile.roles",
        ),
        location=True,
        read_only=("properties.connectivityEndpoints", "properties.clusterState"),
        secrets=(
            CONFIGURATIONS,
            f"{_LOGIN}.password",
            "properties.storageProfile.storageaccounts.key",
            "properties.storageProfile.storageaccounts.saskey",
        ),
        put=(200, 200),
        polled=frozenset({"PUT", "DELETE"}),
        fill=_fill,
        show=_show,
        stored=_stored,
        removed=_removed,
        actions={
            "getGatewaySettings": _gateway,
            "updateGatewaySettings": _set_gateway,
            "configurations": _configurations,
            "listHosts": _hosts,
        },
    ),
)
ROUTES: Final[tuple[Route, ...]] = tuple(
    Route(methods, f"/hdinsight/{{cluster}}/livy{path}", served(serve), open=True)
    for methods, path, serve in ROWS
)
