"""Kubernetes clusters, their agent pools, credentials and extensions.

Only the ARM resources exist: no cluster runs pods.
"""

import base64
import json
import uuid
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from infra.catalogue.api_versions import CONTAINER_SERVICE
from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours.listed_children import Entries, Listed
from localcloud.behaviours.minting import with_properties
from localcloud.behaviours.rows import kind_of
from localcloud.calls.kinds import Kind
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Handler, Reply, answer
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.store.resources import StoredResource, key_of

_CLUSTER: Final = "Microsoft.ContainerService/managedClusters"
_KUBERNETES: Final = "1.31"
_AZURE_ML: Final = "microsoft.azureml.kubernetes"


def _require_system_pool(pools: Entries) -> None:
    if not any(str(each.get("mode")).lower() == "system" for each in pools.values()):
        raise RefusedError(
            400,
            "InvalidParameter",
            "There has to be at least one agent pool of mode 'System'.",
            target="agentPoolProfiles.mode",
        )


# A cluster's PUT deletes no pool that it leaves out: pools are deleted by themselves.
POOLS: Final = Listed(
    "agentPoolProfiles",
    f"{_CLUSTER}/agentPools",
    removed=False,
    flat=True,
    require=_require_system_pool,
)


def _cluster(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    properties = dict(wanted.get("properties") or {})
    pools = [each or {} for each in properties.get(POOLS.key) or ()]
    before = dict(old.properties) if old else {}
    if not pools and call.method == "PUT":
        path = "properties.agentPoolProfiles"
        raise invalid([(path, "A managed cluster needs at least one agent pool.")])
    name, region = call.arm.name, wanted["location"]
    prefix = str(properties.get("dnsPrefix") or name)
    version = str(properties.get("kubernetesVersion") or _KUBERNETES)
    if old is not None:
        known = POOLS.of(call, old.id)
        _require_same_pools({each.name: each.properties for each in known}, pools)
    filled = {
        "kubernetesVersion": version,
        "currentKubernetesVersion": f"{version}.0" if version.count(".") == 1 else version,
        "dnsPrefix": prefix,
        "fqdn": before.get("fqdn") or f"{prefix}-{uuid.uuid4().hex[:8]}.hcp.{region}.azmk8s.io",
        "nodeResourceGroup": f"MC_{call.arm.resource_group}_{name}_{region}",
        "maxAgentPools": 100,
        "powerState": {"code": "Running"},
        "enableRBAC": True,
        "supportPlan": "KubernetesOfficial",
    }
    body = {
        "sku": {"name": "Base", "tier": "Free"},
        **wanted,
        "properties": {**filled, **properties, "fqdn": filled["fqdn"]},
    }
    return POOLS.take(call, body, old)


def _require_same_pools(before: Entries, wanted: Iterable[Document]) -> None:
    """Refuse what cannot change of a pool: its name, and the size and subnet of its nodes."""
    known = {name.lower(): pool for name, pool in before.items()}
    named = {str(pool.get("name")).lower(): pool for pool in wanted}
    if known and named and not known.keys() & named.keys():
        raise _fixed("name")
    for name in known.keys() & named.keys():
        for key in ("vmSize", "vnetSubnetID"):
            if str(known[name].get(key) or "").lower() != str(named[name].get(key) or "").lower():
                raise _fixed(key)


def _fixed(key: str) -> RefusedError:
    return RefusedError(
        400,
        "PropertyChangeNotAllowed",
        f"Changing property 'agentPoolProfile.{key}' is not allowed.",
        target=f"agentPoolProfile.{key}",
    )


def _pool(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    if old is not None:
        named = {"name": old.name, **(wanted.get("properties") or {})}
        _require_same_pools({old.name: old.properties}, [named])
    return POOLS.fill_child(call, wanted, old)


def _keep_last_system_pool(call: Call) -> None:
    """Refuse to delete the pool that the cluster's own pods run on."""
    pools = POOLS.of(call, str(call.arm.parent))
    others = [each for each in pools if each.key != key_of(str(call.arm))]
    if len(others) < len(pools):
        _require_system_pool({each.name: each.properties for each in others})


def _credential(role: str) -> Handler:
    """Return the action that responds with a kubeconfig of a role: ``User`` or ``Admin``."""

    def handler(call: Call) -> Reply:
        cluster = existing(call)
        if role == "Admin" and cluster.properties.get("disableLocalAccounts"):
            raise RefusedError(
                400,
                "BadRequest",
                "Getting static credential is not allowed because this cluster is set to disable"
                " local accounts.",
            )
        text = json.dumps(_kubeconfig(call, cluster, role))
        value = base64.b64encode(text.encode()).decode()
        return answer({"kubeconfigs": [{"name": f"cluster{role}", "value": value}]})

    return handler


def _kubeconfig(call: Call, cluster: StoredResource, role: str) -> JsonObject:
    """Return a kubeconfig, which is JSON as well as YAML.

    The server is this cloud: it answers that there is no API server, and no request leaves the
    machine.
    """
    name, group = cluster.name, call.arm.resource_group
    user = f"cluster{role}_{group}_{name}"
    token = call.cloud.store.sealing.signature(f"{user}\n{cluster.key}".encode()).hex()
    server = f"{call.cloud.url}/{cluster.properties['fqdn']}"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, **_authority(call)}}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
        "current-context": name,
        "preferences": {},
    }


def _authority(call: Call) -> JsonObject:
    """Return the certificate authority of this cloud, if it listens with one."""
    file = call.cloud.folder / "ca.pem"
    if not file.exists():
        return {}
    return {"certificate-authority-data": base64.b64encode(file.read_bytes()).decode()}


def _extension(_: Call, wanted: JsonObject, __: StoredResource | None) -> JsonObject:
    properties = dict(wanted.get("properties") or {})
    settings = {k.lower() for k in properties.get("configurationSettings") or ()}
    kind = str(properties.get("extensionType") or "").lower()
    if kind == _AZURE_ML and not settings & {"enabletraining", "enableinference"}:
        raise RefusedError(
            400,
            "ExtensionCreationFailed",
            "Azure ML's extension needs 'enableTraining' or 'enableInference' among its"
            " configurationSettings.",
        )
    return with_properties(
        {**wanted, "properties": properties},
        {
            "autoUpgradeMinorVersion": True,
            "releaseTrain": "Stable",
            "isSystemExtension": False,
            "currentVersion": "1.1.78",
            "scope": {"cluster": {"releaseNamespace": "azureml"}},
        },
    )


KINDS: Final = (
    replace(
        kind_of(_CLUSTER),
        fill=_cluster,
        show=POOLS.show,
        actions={
            "listClusterAdminCredential": _credential("Admin"),
            "listClusterUserCredential": _credential("User"),
        },
    ),
    Kind(
        POOLS.type,
        versions=(CONTAINER_SERVICE,),
        polled=frozenset({"PUT", "DELETE"}),
        fill=_pool,
        handlers={"DELETE": _keep_last_system_pool},
    ),
    replace(kind_of("Microsoft.KubernetesConfiguration/extensions"), fill=_extension),
)
