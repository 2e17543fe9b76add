"""Small documents in the default datastore of a workspace: written and deleted, whole.

Requests are signed as the datastore has it: with its account's key, by a shared access signature,
or with a token of whoever deploys.
"""

import base64
import hmac
import ssl
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Final
from urllib.parse import quote

import httpx

from infra.arm.client import Client, checked
from infra.arm.messages import Response
from infra.catalogue.api_versions import BLOB_SERVICE, MACHINE_LEARNING
from infra.catalogue.documents import value_at
from infra.contract.errors import ProviderError, UnreachableError
from infra.contract.json_types import Document

STORAGE_SCOPE: Final = "https://storage.azure.com/.default"
_FALLBACK: Final = "workspaceblobstore"
_TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)
_NOT_FOUND: Final = 404
_UNSENT: Final = ("",) * 6
"""The lines of the text to sign for conditional headers, dates and ranges, which are not sent."""


class WorkspaceStore:
    """The container of a workspace's default datastore.

    ``identity`` returns a token for storage, for a datastore without a secret.
    """

    def __init__(self, client: Client, workspace_id: str, identity: Callable[[], str]) -> None:
        self._client = client
        self._workspace = workspace_id
        self._identity = identity

    def write(self, name: str, content: bytes) -> None:
        """Write a blob, replacing the one of that name. Raises ``PlatformError``."""
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/json"}
        self._send("PUT", self._datastore(), name, headers, content)

    def delete(self, name: str) -> None:
        """Delete a blob; harmless if it, or the workspace, is gone. Raises ``PlatformError``."""
        if self._read(self._workspace).status != _NOT_FOUND:
            self._send("DELETE", self._datastore(), name, {}, b"")

    def _datastore(self) -> Document:
        url = f"{self._workspace}/datastores"
        listed = checked(self._read(url, isDefault="true"), at=url).document.get("value") or ()
        default = [each for each in listed if value_at(each, "properties.isDefault")]
        if default:
            return dict(default[0])
        url = f"{url}/{_FALLBACK}"
        return checked(self._read(url), at=url).document

    def _read(self, url: str, **params: str) -> Response:
        return self._client.send("GET", url, api_version=MACHINE_LEARNING, params=params)

    def _send(
        self, method: str, store: Document, name: str, headers: Mapping[str, str], content: bytes
    ) -> None:
        properties: Document = store["properties"]
        account = str(properties.get("accountName"))
        host = f"{account}.blob.{properties.get('endpoint') or 'core.windows.net'}"
        folder = properties.get("containerName") or properties.get("filesystem") or ""
        url = f"{properties.get('protocol') or 'https'}://{host}/{folder}/{quote(name)}"
        secrets = self._secrets(str(store["name"]))
        sent = {**headers, "x-ms-version": BLOB_SERVICE, "x-ms-date": formatdate(usegmt=True)}
        if secrets.get("key"):
            key, owner = str(secrets["key"]), account.rpartition("/")[2]
            length = len(content)
            sent["Authorization"] = shared_key(
                method, url, sent, length=length, account=owner, key=key
            )
        elif not secrets.get("sasToken"):
            sent["Authorization"] = f"Bearer {self._token()}"
        signature = str(secrets.get("sasToken") or "").lstrip("?")
        self._answered(method, f"{url}?{signature}".rstrip("?"), sent, content, at=url)

    def _answered(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes, *, at: str
    ) -> None:
        try:
            with self._http() as http:
                answer = http.request(method, url, headers=headers, content=content)
        except (httpx.HTTPError, OSError) as error:
            # Of the error, only the kind: its text may have the signature.
            raise UnreachableError(
                f"The workspace's storage does not answer ({type(error).__name__}).",
                remedy="Check the network, and whether its firewall lets this machine in.",
                at=at,
            ) from None
        if answer.is_success or (method == "DELETE" and answer.status_code == _NOT_FOUND):
            return
        code = answer.headers.get("x-ms-error-code") or answer.reason_phrase
        raise ProviderError(
            f"The workspace's storage answered {answer.status_code} ({code}).",
            remedy="It takes access to the account's key, or the role Storage Blob Data"
            " Contributor, and a firewall that lets this machine in.",
            at=at,
            code=code,
        )

    def _secrets(self, name: str) -> Document:
        url = f"{self._workspace}/datastores/{name}/listSecrets"
        answer = self._client.send("POST", url, api_version=MACHINE_LEARNING, body={})
        # A datastore that is used by identity has none, which Azure answers as an error.
        return answer.document if answer.ok else {}

    def _token(self) -> str:
        local = self._client.endpoint.local
        return self._client.credential.token() if local else self._identity()

    def _http(self) -> httpx.Client:
        ca = self._client.endpoint.ca
        if ca is None:
            return httpx.Client(timeout=_TIMEOUT)
        context = ssl.create_default_context(cafile=str(ca))
        return httpx.Client(timeout=_TIMEOUT, verify=context, trust_env=False)


def shared_key(
    method: str, url: str, headers: Mapping[str, str], *, length: int, account: str, key: str
) -> str:
    """Return the ``Authorization`` of a blob request without a query. Pure.

    Source: Microsoft's page "Authorize with Shared Key".
    """
    own = sorted((name, value) for name, value in headers.items() if name.startswith("x-ms-"))
    lines = [method, "", "", str(length or ""), "", headers.get("Content-Type", ""), *_UNSENT]
    lines += [f"{name}:{value}" for name, value in own]
    lines.append(f"/{account}{httpx.URL(url).raw_path.decode()}")
    digest = hmac.digest(base64.b64decode(key), "\n".join(lines).encode(), "sha256")
    return f"SharedKey {account}:{base64.b64encode(digest).decode()}"
