"""A container of Azure blob storage, or of an emulator, through ``azure-storage-blob``.

Loaded late, when a backend is ``azblob://``. Authenticates as the Pulumi CLI does: by
``AZURE_STORAGE_KEY``, ``AZURE_STORAGE_SAS_TOKEN``, or as azure-identity finds.
"""

import base64
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import parse_qs, urlsplit

from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.storage.blob import (
    BlobClient,
    BlobLeaseClient,
    ContainerClient,
    ContentSettings,
)

from infra.contract.discovery import local_ca
from infra.contract.errors import CredentialError, PlatformError, StateError, UnreachableError
from infra.contract.load import load
from infra.contract.project import home_folder
from infra.engine.state.address import BlobAddress
from infra.engine.state.container import BlobChangedError, BlobEntry, LeaseLostError

_KEY: Final = "AZURE_STORAGE_KEY"
_SAS: Final = "AZURE_STORAGE_SAS_TOKEN"
_CA: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_TEXT: Final = ContentSettings(content_type="text/plain; charset=utf-8")
_CONNECT_S: Final = 10
_LARGEST_APPEND: Final = 4 << 20
_UNCHANGED: Final = MatchConditions.IfNotModified
_NOT_FOUND: Final = 404
_REFUSED_WRITES: Final = (409, 412)  # a condition or a lease does not hold
_NO_CONTAINER: Final = "ContainerNotFound"
_FORBIDDEN: Final = (401, 403)
_UNTRUSTED: Final = "CERTIFICATE_VERIFY_FAILED"  # OpenSSL's, in the SDK's message
_ROLE: Final = "Storage Blob Data Contributor"
_IDENTITY: Final = "infra.contract.identity:azure_identity"  # a key or a signature needs none


def open_container(address: BlobAddress, environment: Mapping[str, str]) -> "AzureContainer":
    """Return the container of an address; nothing is sent yet."""
    verify = local_ca(home_folder(), address.service) or next(
        (environment[name] for name in _CA if environment.get(name)), None
    )
    client = ContainerClient(
        address.service,
        address.container,
        _credential(address, environment),
        retry_total=3,
        initial_backoff=1,
        increment_base=2,
        connection_timeout=_CONNECT_S,
        connection_verify=verify or True,
    )
    return AzureContainer(client, address)


def _credential(
    address: BlobAddress, environment: Mapping[str, str]
) -> dict[str, str] | str | TokenCredential:
    key, signature = environment.get(_KEY, "").strip(), environment.get(_SAS)
    if key:
        _require_key(key)
        return {"account_name": address.account, "account_key": key}
    if signature:
        return signature.lstrip("?")
    if address.service.startswith("http:"):
        raise CredentialError(
            f"Neither {_KEY} nor {_SAS} is set, and tokens are not sent over http.",
            remedy=f"Set {_KEY} or {_SAS}, or leave `protocol=http` out.",
            at=address.url,
        )
    identity: TokenCredential = load(_IDENTITY, extra="azureml")(environment)
    return identity


def _require_key(key: str) -> None:
    try:
        base64.b64decode(key, validate=True)
    except ValueError as error:
        raise CredentialError(
            f"{_KEY} is not the key of a storage account: it is not base64.",
            remedy="Copy it again: `az storage account keys list --account-name ACCOUNT`.",
        ) from error


class AzureLease:
    """A lease on one blob."""

    def __init__(self, client: BlobLeaseClient, at: str) -> None:
        self._client = client
        self._at = at

    def renew(self) -> None:
        try:
            with _reported(self._at):
                self._client.renew()
        except (BlobChangedError, _MissingError) as error:
            raise LeaseLostError(self._at) from error

    def release(self) -> None:
        with suppress(BlobChangedError, _MissingError), _reported(self._at):
            self._client.release()


class AzureContainer:
    """The blobs below an address. A ``Container``."""

    def __init__(self, client: ContainerClient, address: BlobAddress) -> None:
        self._client = client
        self._address = address

    def listed(self, prefix: str) -> Sequence[BlobEntry]:
        cut = len(self._address.prefix)
        with _reported(self._address.url_of(prefix)):
            found = self._client.list_blobs(name_starts_with=self._address.prefix + prefix)
            return [BlobEntry(str(blob.name)[cut:], _bare(str(blob.etag))) for blob in found]

    def read(self, name: str, etag: str | None = None) -> bytes | None:
        with suppress(BlobChangedError, _MissingError), _reported(self._address.url_of(name)):
            blob = self._blob(name)
            content = (
                blob.download_blob(etag=_quoted(etag), match_condition=_UNCHANGED)
                if etag
                else blob.download_blob()
            )
            return bytes(content.readall())
        return None

    def current(self, name: str) -> tuple[bytes, str] | None:
        with suppress(_MissingError), _reported(self._address.url_of(name)):
            found = self._blob(name).download_blob()
            return bytes(found.readall()), _bare(str(found.properties.etag))
        return None

    def write(self, name: str, data: bytes, expected: str | None = None) -> str:
        with _reported(self._address.url_of(name)):
            blob, anew = self._blob(name), expected != ""
            answer = (
                blob.upload_blob(
                    data,
                    overwrite=True,
                    content_settings=_TEXT,
                    etag=_quoted(expected),
                    match_condition=_UNCHANGED,
                )
                if expected
                else blob.upload_blob(data, overwrite=anew, content_settings=_TEXT)
            )
        return _bare(str(answer["etag"]))

    def append(self, name: str, data: bytes, at: int) -> None:
        blob = self._blob(name)
        try:
            if at == 0:
                with suppress(BlobChangedError), _reported(self._address.url_of(name)):
                    blob.create_append_blob(
                        content_settings=_TEXT, match_condition=MatchConditions.IfMissing
                    )
            for start in range(0, len(data), _LARGEST_APPEND):
                part = data[start : start + _LARGEST_APPEND]
                with _reported(self._address.url_of(name)):
                    blob.append_block(part, appendpos_condition=at + start)
        except (BlobChangedError, _MissingError) as error:
            # The first try may have arrived, and only its answer have been lost.
            if (self.read(name) or b"")[at:] != data:
                raise BlobChangedError(name) from error

    def delete(self, name: str) -> None:
        with suppress(BlobChangedError, _MissingError), _reported(self._address.url_of(name)):
            self._blob(name).delete_blob()

    def lease(self, name: str, id: str, seconds: int, *, former: str = "") -> AzureLease | None:
        at = self._address.url_of(name)
        lease = BlobLeaseClient(self._blob(name), lease_id=former or id)
        try:
            with _reported(at):
                if former:
                    lease.change(id)
                    lease.renew()
                else:
                    lease.acquire(lease_duration=seconds)
        except _MissingError:
            with suppress(BlobChangedError):  # another process may be faster
                self.write(name, b"", expected="")
            return self.lease(name, id, seconds)
        except BlobChangedError:
            return None
        return AzureLease(lease, at)

    def end_lease(self, name: str, id: str) -> None:
        AzureLease(BlobLeaseClient(self._blob(name), lease_id=id), name).release()

    def _blob(self, name: str) -> BlobClient:
        return self._client.get_blob_client(self._address.prefix + name)


class _MissingError(Exception):
    """There is no such blob."""


def _bare(etag: str) -> str:
    """Return an etag without quotes: listings lack them, answers have them."""
    return etag.strip('"')


def _quoted(etag: str) -> str:
    return f'"{etag}"'


def _code(error: HttpResponseError) -> str:
    """Return the storage service's code of an error, which the SDK adds to it."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


@contextmanager
def _reported(at: str) -> Iterator[None]:
    """Turn the SDK's errors into what callers here handle, or into errors for people."""
    try:
        yield
    except HttpResponseError as error:
        if error.status_code == _NOT_FOUND and _code(error) != _NO_CONTAINER:
            raise _MissingError(at) from error
        if error.status_code in _REFUSED_WRITES:
            raise BlobChangedError(at) from error
        raise _translated(error, at) from error
    except AzureError as error:
        raise _translated(error, at) from error


def _account(at: str) -> str:
    """Return the storage account of a blob's URL."""
    return parse_qs(urlsplit(at).query)["storage_account"][0]


def _translated(error: AzureError, at: str) -> PlatformError:
    text = str(error.message).partition("\n")[0]
    if isinstance(error, HttpResponseError) and _code(error) == _NO_CONTAINER:
        return StateError(
            "The container for the state does not exist.",
            remedy="Create it: `az storage container create --name"
            f" {shlex.quote(urlsplit(at).netloc)} --account-name {_account(at)}"
            " --auth-mode login`.",
            at=at,
        )
    if isinstance(error, HttpResponseError) and error.status_code in _FORBIDDEN:
        return CredentialError(
            f"The storage account refused the request: {text}",
            remedy=f"Give your identity the role {_ROLE!r} on the container, or set {_KEY} or"
            f" {_SAS} to a valid one.",
            at=at,
        )
    if isinstance(error, ClientAuthenticationError):
        return CredentialError(
            f"Azure issued no token for the storage account. {text}",
            remedy=f"Run `az login`, or set {_KEY} or {_SAS}.",
            at=at,
        )
    if isinstance(error, HttpResponseError):
        return StateError(
            f"The storage account refused the request: {text}",
            remedy="Fix what it names, then run it again; no record is lost.",
            at=at,
        )
    if _UNTRUSTED in text:
        return UnreachableError(
            f"The certificate of the storage account is not trusted: {text}",
            remedy="Name the certificate authority that it is of in SSL_CERT_FILE; that of a local"
            " cloud is `ca` of `aml cloud status --json`, in the folder that started it.",
            at=at,
        )
    return UnreachableError(
        f"The storage account does not answer: {text}",
        remedy="Check the account's name, the network, and the account's firewall.",
        at=at,
    )
