"""Batch accounts, Databricks workspaces and HDInsight clusters of a project's local cloud.

Through its ARM, as any client makes them. What a client needs to sign in is written to
``.aml/keys``, readable by its owner only.
"""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final

from infra.catalogue.api_versions import BATCH, DATABRICKS, HDINSIGHT, STORAGE
from infra.contract.discovery import SUBSCRIPTION
from infra.contract.errors import UnknownNameError, UsageError
from infra.contract.json_types import JsonObject
from infra.contract.load import load
from infra.contract.private import private_file, private_folder
from localcloud.arm_requests import ArmRequests, checked

_STORAGE: Final = "Microsoft.Storage/storageAccounts"
_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "batch": ("Microsoft.Batch/batchAccounts", BATCH),
    "databricks": ("Microsoft.Databricks/workspaces", DATABRICKS),
    "hdinsight": ("Microsoft.HDInsight/clusters", HDINSIGHT),
}


@dataclass(frozen=True, slots=True)
class Service:
    """An account, workspace or cluster.

    ``keys`` are files of its credentials by what they are; ``settings`` are the keys of a stack
    file that attach it.
    """

    kind: str
    name: str
    id: str
    endpoint: str
    keys: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> JsonObject:
        """Return the service as a JSON object."""
        return asdict(self)


class Services:
    """The services of one resource group of the local cloud of ``home``."""

    def __init__(self, home: Path, group: str, location: str) -> None:
        self._home = home
        self._group_name = group
        self._location = location
        self._arm = ArmRequests(home)
        self._group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}"

    def create_batch(self, name: str) -> Service:
        """Make a Batch account with a storage account for its files."""
        storage = self._storage(name)
        properties = {"autoStorage": {"storageAccountId": storage}}
        found = self._created("batch", name, {"properties": properties})
        keys = checked(self._arm.send("POST", f"{found['id']}/listKeys", BATCH))
        return Service(
            "batch",
            name,
            found["id"],
            f"https://{found['properties']['accountEndpoint']}",
            {"account key": self._kept(f"{name}.key", str(keys["primary"]))},
            {"resource_id": found["id"]},
        )

    def create_databricks(self, name: str) -> Service:
        """Make a Databricks workspace and a personal access token for it."""
        found = self._created("databricks", name, {"sku": {"name": "premium"}})
        endpoint = f"https://{found['properties']['workspaceUrl']}"
        made = checked(
            self._arm.send("POST", f"{endpoint}/api/2.0/token/create", "", {"comment": "aml"})
        )
        token = self._kept(f"{name}.token", str(made["token_value"]))
        settings = {"resource_id": found["id"], "access_token": f"file:{token}"}
        return Service("databricks", name, found["id"], endpoint, {"token": token}, settings)

    def create_hdinsight(self, name: str, user: str) -> Service:
        """Make an HDInsight cluster whose head node takes a key pair that is made for it."""
        storage = self._storage(name).rpartition("/")[2]
        private, public = load("localcloud.machines.keys:new_key_pair", extra="localcloud")()
        password = secrets.token_urlsafe(16)
        login = {"username": user, "sshProfile": {"publicKeys": [{"certificateData": public}]}}
        gateway = {
            "restAuthCredential.isEnabled": "true",
            "restAuthCredential.username": "admin",
            "restAuthCredential.password": password,
        }
        head = {"name": "headnode", "osProfile": {"linuxOperatingSystemProfile": login}}
        account = {"name": f"{storage}.blob", "isDefault": True, "container": name.lower()}
        found = self._created(
            "hdinsight",
            name,
            {
                "properties": {
                    "clusterVersion": "5.1",
                    "clusterDefinition": {"kind": "Spark", "configurations": {"gateway": gateway}},
                    "computeProfile": {"roles": [head]},
                    "storageProfile": {"storageaccounts": [account]},
                }
            },
        )
        endpoints = {e["name"]: e for e in found["properties"]["connectivityEndpoints"]}
        key = self._kept(name, private)
        settings = {
            "resource_id": found["id"],
            "user": user,
            "private_key": f"file:{key}",
        }
        keys = {"private key": key, "gateway password": self._kept(f"{name}.gateway", password)}
        endpoint = f"https://{endpoints['HTTPS']['location']}/livy"
        return Service("hdinsight", name, found["id"], endpoint, keys, settings)

    def delete(self, kind: str, name: str) -> None:
        """Delete a service with its files and the credentials that were kept of it."""
        type_, version = _TYPES[kind]
        path = f"{self._group}/providers/{type_}/{name}"
        if self._arm.send("GET", path, version).status_code == HTTPStatus.NOT_FOUND:
            raise UnknownNameError(
                f"The resource group {self._group_name!r} of the local cloud has no {type_} "
                f"{name!r}.",
                remedy="Name the resource group with -g, if it is in another one.",
            )
        self._arm.finished(self._arm.send("DELETE", path, version))
        for file in ("", ".key", ".token", ".gateway"):
            (self._home / "keys" / f"{name}{file}").unlink(missing_ok=True)

    def _created(self, kind: str, name: str, body: JsonObject) -> JsonObject:
        type_, version = _TYPES[kind]
        self._arm.ensure_group(self._group_name, self._location)
        path = f"{self._group}/providers/{type_}/{name}"
        if self._arm.send("GET", path, version).is_success:
            raise UsageError(
                f"There is a {type_} {name!r} already.",
                remedy=f"Take another name, or run `aml cloud {kind} delete {name}` first.",
                at=path,
            )
        self._arm.put(path, {"location": self._location, **body}, version)
        return checked(self._arm.send("GET", path, version))

    def _storage(self, name: str) -> str:
        """Return the id of a storage account for a service's files, made unless it is there."""
        plain = "".join(c for c in name.lower() if c.isascii() and c.isalnum())
        self._arm.ensure_group(self._group_name, self._location)
        path = f"{self._group}/providers/{_STORAGE}/{plain[:20]}data"
        body = {"location": self._location, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        if not self._arm.send("GET", path, STORAGE).is_success:
            self._arm.put(path, body, STORAGE)
        return path

    def _kept(self, name: str, secret: str) -> str:
        """Write a credential to ``.aml/keys``; return the file."""
        file = private_folder(self._home / "keys") / name
        private_file(file).write_text(secret, encoding="utf-8")
        return str(file)
