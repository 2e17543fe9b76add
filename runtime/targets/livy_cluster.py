"""An HDInsight cluster as its Livy and its default storage show it, found through ARM.

The gateway's user and password are the cluster's own setting, which ARM tells those who may ask;
so is the key of the storage account.
"""

import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx
from azure.storage.blob import ContainerSasPermissions, generate_container_sas

from infra.arm.client import Client, azure_client, checked, local_client
from infra.catalogue.api_versions import HDINSIGHT, STORAGE
from infra.contract.errors import CredentialError, ProviderError, UnreachableError, UsageError
from infra.contract.json_types import Document, JsonObject
from runtime.agent.assets.blob_http import Credential
from runtime.agent.assets.blobs import Container
from runtime.agent.assets.errors import AzureMLException, WebserviceException
from runtime.targets.attached import attached

BLOBS: Final = "aml-runs"
_TIMEOUT_S: Final = 60.0
_SIGNED_FOR: Final = timedelta(days=32)
_ASKED_BY: Final = {"X-Requested-By": "aml"}
_SERVER_ERRORS: Final = 500
_LOGGED_OUT: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class LivyCluster:
    """One cluster. Raises ``UnreachableError`` while Azure, Livy or storage do not answer."""

    def __init__(self, target: str, cloud: str, resource: str, home: Path) -> None:
        self._target = target
        client = local_client(home) if cloud == "local" else azure_client()
        with closing(client):
            found = attached(client, resource, api_version=HDINSIGHT, noun="HDInsight cluster")
            properties: Document = found.get("properties") or {}
            self._url = f"https://{_gateway(properties, target)}/livy"
            login = checked(
                client.send("POST", f"{resource}/getGatewaySettings", api_version=HDINSIGHT),
                at=resource,
            ).document
            self._storage(client, properties, resource)
            self.ca = str(client.endpoint.ca or "")
        verify = ssl.create_default_context(cafile=self.ca) if self.ca else True
        user = str(login.get("restAuthCredential.username") or "admin")
        password = str(login.get("restAuthCredential.password") or "")
        self._http = httpx.Client(
            auth=(user, password),
            headers=_ASKED_BY,
            timeout=_TIMEOUT_S,
            verify=verify,
            trust_env=not self.ca,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # --- Livy

    def submit(self, batch: JsonObject) -> int:
        """Start a batch and return its number."""
        return int(self._livy("POST", "/batches", batch)["id"])

    def batch(self, number: int) -> Document | None:
        """Return a batch, ``None`` if it is not there any more."""
        return self._livy("GET", f"/batches/{number}") or None

    def log(self, number: int) -> str:
        """Return the log of a batch."""
        found = self._livy("GET", f"/batches/{number}/log?from=0&size=1000000")
        return "".join(f"{line}\n" for line in found.get("log") or ())

    def end(self, number: int) -> None:
        """Kill a batch, unless it has ended, and forget it."""
        self._livy("DELETE", f"/batches/{number}")

    def _livy(self, method: str, path: str, body: JsonObject | None = None) -> Document:
        try:
            answer = self._http.request(method, f"{self._url}{path}", json=body)
        except httpx.HTTPError as error:
            raise UnreachableError(
                f"Livy of {self._target!r} does not answer at {self._url}: {error}.",
                remedy="Check that the cluster runs, and its network rules.",
            ) from error
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return {}
        if answer.status_code >= _SERVER_ERRORS:
            raise UnreachableError(
                f"Livy of {self._target!r} answers {answer.status_code}.",
                remedy="Look at the cluster's Ambari page; Livy may be restarting.",
            )
        if answer.status_code in _LOGGED_OUT:
            raise CredentialError(
                f"The gateway of {self._target!r} refuses its login: {answer.status_code}.",
                remedy="Set the gateway's user and password of the cluster in Azure again.",
            )
        if answer.is_error:
            raise ProviderError(
                f"Livy of {self._target!r} refuses: {answer.status_code} {answer.text[:500]}",
                remedy="Correct the run's Spark configuration.",
            )
        found: Document = answer.json()
        return found

    # --- the cluster's default storage

    def _storage(self, client: Client, properties: Document, resource: str) -> None:
        accounts = (properties.get("storageProfile") or {}).get("storageaccounts") or ()
        default: Document = next((each for each in accounts if each.get("isDefault")), {})
        account = str(default.get("name") or "").partition(".")[0]
        self._container_name = str(default.get("container") or default.get("fileSystem") or "")
        self._has_folders = bool(default.get("fileSystem"))
        if not account or not self._container_name:
            raise UsageError(
                f"The cluster of {self._target!r} names no default storage account.",
                remedy="Submit the run over ssh, which needs none.",
            )
        subscription = "/".join(resource.split("/")[:3])
        path = f"{subscription}/providers/Microsoft.Storage/storageAccounts"
        listed = checked(client.send("GET", path, api_version=STORAGE), at=path).document
        found = [e for e in listed.get("value") or () if str(e["name"]).lower() == account.lower()]
        if not found:
            raise UsageError(
                f"The cluster's storage account {account!r} is not in {subscription}.",
                remedy="Submit the run over ssh, which needs no storage.",
            )
        id_ = str(found[0]["id"])
        keys = checked(client.send("POST", f"{id_}/listKeys", api_version=STORAGE), at=id_)
        self._account, self._key = account, str(keys.document["keys"][0]["value"])
        endpoint = str(found[0]["properties"]["primaryEndpoints"]["blob"]).rstrip("/")
        ca = str(client.endpoint.ca) if client.endpoint.ca else None
        self._blobs = Container(
            f"{endpoint}/{self._container_name}", Credential(account, self._key), ca
        )

    def spark_url(self, name: str) -> str:
        """Return the name of a blob as Spark knows it; accounts with folders have another."""
        scheme, service = ("abfss", "dfs") if self._has_folders else ("wasbs", "blob")
        host = f"{self._account}.{service}.core.windows.net"
        return f"{scheme}://{self._container_name}@{host}/{name}"

    def signed(self) -> str:
        """Return the container's address, with which a driver can write there."""
        signature = generate_container_sas(
            self._account,
            self._container_name,
            account_key=self._key,
            permission=ContainerSasPermissions.from_string("rcw"),
            expiry=datetime.now(UTC) + _SIGNED_FOR,
        )
        return f"{self._blobs.url}?{signature}"

    def folder(self, run_id: str) -> "RunBlobs":
        """Return the folder of a run."""
        return RunBlobs(self._blobs, f"{BLOBS}/{run_id}")


class RunBlobs:
    """The folder of one run in the container."""

    def __init__(self, container: Container, folder: str) -> None:
        self.folder = folder
        self._container = container

    def create(self) -> None:
        """Make the container, unless it is there."""
        with _storage():
            self._container.create()

    def put(self, name: str, content: bytes) -> None:
        with _storage():
            self._container.write(f"{self.folder}/{name}", content)

    def get(self, name: str) -> bytes:
        with _storage():
            return self._container.read(f"{self.folder}/{name}")

    def names(self, folder: str) -> list[str]:
        start = f"{self.folder}/{folder}/"
        with _storage():
            return sorted(each.name.removeprefix(start) for each in self._container.list(start))

    def delete(self, name: str) -> None:
        with _storage():
            self._container.delete(f"{self.folder}/{name}")

    def remove(self) -> None:
        """Delete the folder with all that is in it."""
        with _storage():
            for each in list(self._container.list(f"{self.folder}/")):
                self._container.delete(each.name)


@contextmanager
def _storage() -> Iterator[None]:
    """Name what storage refuses; what keeps it from answering is tried again."""
    try:
        yield
    except WebserviceException as error:
        if not error.status_code or error.status_code >= _SERVER_ERRORS:
            raise UnreachableError(str(error), remedy="Check the network.") from error
        raise _refused(error) from error
    except AzureMLException as error:
        raise _refused(error) from error


def _refused(error: Exception) -> ProviderError:
    return ProviderError(
        f"The cluster's default storage cannot be used: {error}",
        remedy="Its account must allow keys. Or submit the run over ssh, which needs no storage.",
    )


def _gateway(properties: Document, target: str) -> str:
    for each in properties.get("connectivityEndpoints") or ():
        if each.get("name") == "HTTPS" and each.get("location"):
            return str(each["location"])
    raise UsageError(
        f"The cluster of {target!r} has no gateway.",
        remedy="Wait until it is created, or submit the run over ssh.",
    )


def read_text(file: str) -> str:
    """Return the text of a file, nothing without one."""
    return Path(file).read_text(encoding="utf-8") if file else ""
