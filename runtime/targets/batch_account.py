"""An Azure Batch account, as the place of a run asks it: found through ARM, with its own client.

The account's key comes from ``listKeys``; an account that gives none is used with the identity of
whoever submits.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from azure.batch import BatchClient, models
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)

from infra.arm.client import Client
from infra.arm.credentials import azure_credential
from infra.catalogue.api_versions import BATCH
from infra.contract.errors import CredentialError, ProviderError, UnreachableError
from infra.contract.json_types import Document, JsonObject
from runtime.targets.attached import attached
from runtime.targets.token_identity import TokenIdentity

SCOPE: Final = "https://batch.core.windows.net/.default"
# The client logs each file that is not there yet, as an answer that it cannot read.
logging.getLogger("azure.batch").setLevel(logging.ERROR)
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_BEYOND: Final = 416
_BUSY: Final = frozenset({408, 429, 500, 502, 503, 504})


class BatchAccount:
    """One account. ``close`` ends its connections."""

    def __init__(self, cloud: Client, account_id: str) -> None:
        self.id = account_id
        self.name = account_id.rpartition("/")[2]
        ca = cloud.endpoint.ca
        found = attached(cloud, account_id, api_version=BATCH, noun="Batch account")
        endpoint = str(found["properties"]["accountEndpoint"])
        keys = cloud.send("POST", f"{account_id}/listKeys", api_version=BATCH)
        credential = (
            AzureNamedKeyCredential(self.name, str(keys.document["primary"]))
            if keys.ok and keys.document.get("primary")
            else TokenIdentity(_token(cloud))
        )
        verify: JsonObject = {"connection_verify": str(ca)} if ca else {}
        self._client = BatchClient(f"https://{endpoint}", credential, **verify)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    # --- pools

    def pool(self, name: str) -> Document | None:
        """Return a pool, ``None`` if there is none."""
        with self._asking(), suppress(ResourceNotFoundError):
            return self._client.get_pool(name).as_dict()
        return None

    def pools(self) -> list[Document]:
        """Return all pools: ``id`` and ``metadata``."""
        with self._asking():
            return [each.as_dict() for each in self._client.list_pools(select=["id", "metadata"])]

    def create_pool(self, body: Document) -> None:
        """Create a pool, unless it is there."""
        with self._asking(), suppress(ResourceExistsError):
            self._client.create_pool(models.BatchPoolCreateOptions(body))

    def delete_pool(self, name: str) -> None:
        """Begin to delete a pool, if it is there."""
        with self._asking(), _gone():
            self._client.begin_delete_pool(name)

    def images(self) -> list[Document]:
        """Return the images that nodes may have: ``imageReference`` and ``nodeAgentSKUId``."""
        with self._asking():
            return [each.as_dict() for each in self._client.list_supported_images()]

    # --- jobs and tasks

    def create_job(self, body: Document) -> None:
        """Create a job, unless it is there."""
        with self._asking(), suppress(ResourceExistsError):
            self._client.create_job(models.BatchJobCreateOptions(body))

    def create_task(self, job: str, body: Document) -> None:
        """Create a task, unless it is there; its job ends with it."""
        with self._asking():
            with suppress(ResourceExistsError):
                self._client.create_task(job, models.BatchTaskCreateOptions(body))
            ends = models.BatchJobUpdateOptions({"onAllTasksComplete": "terminatejob"})
            self._client.update_job(job, ends)

    def task(self, job: str, task: str) -> Document | None:
        """Return a task, ``None`` if it or its job is gone."""
        with self._asking(), suppress(ResourceNotFoundError):
            return self._client.get_task(job, task).as_dict()
        return None

    def pool_of(self, job: str) -> str:
        """Return the id of a job's pool, ``""`` if there is no such job."""
        with self._asking(), suppress(ResourceNotFoundError):
            info = self._client.get_job(job).execution_info
            return str(info.pool_id or "") if info else ""
        return ""

    def terminate_task(self, job: str, task: str) -> None:
        """End a task; one that has ended, or is gone, is left as it is."""
        with self._asking(), _gone():
            self._client.terminate_task(job, task)

    def delete_job(self, job: str) -> None:
        """Begin to delete a job with its task."""
        with self._asking(), _gone():
            self._client.begin_delete_job(job)

    # --- files of a task

    def read(
        self, job: str, task: str, name: str, first: int = 0, last: int | None = None
    ) -> bytes:
        """Return bytes of a task's file; nothing if there are none, or no such file."""
        end = "" if last is None else str(last)
        with self._asking():
            try:
                pieces = self._client.download_task_file(
                    job, task, name, ocp_range=f"bytes={first}-{end}"
                )
                return b"".join(pieces)
            except HttpResponseError as error:
                if error.status_code not in (_NOT_FOUND, _CONFLICT, _BEYOND):
                    raise
                return b""

    def files(self, job: str, task: str, below: str) -> list[str]:
        """Return the names of a task's files below a folder; none of a task that never ran."""
        with self._asking():
            try:
                listed = self._client.list_task_files(job, task, recursive=True)
                names = [str(each.name) for each in listed if not each.is_directory]
            except HttpResponseError as error:
                if error.status_code not in (_NOT_FOUND, _CONFLICT):
                    raise
                return []
        return [name for name in names if name.startswith(below)]

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Name what the service refuses, and what keeps it from answering."""
        try:
            yield
        except ClientAuthenticationError as error:
            raise CredentialError(
                f"The Batch account {self.name!r} refuses who submits: {_said(error)}",
                remedy="Ask for a role that may list its keys, or `Azure Batch Data Contributor`.",
            ) from error
        except HttpResponseError as error:
            if error.status_code in _BUSY:
                raise self._unreachable(error) from error
            raise ProviderError(
                f"The Batch account {self.name!r} refuses the request: {_said(error)}",
                remedy="Correct what the message names, and submit the run again.",
                code=_code(error),
            ) from error
        except AzureError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: AzureError) -> UnreachableError:
        return UnreachableError(
            f"The Batch account {self.name!r} does not answer: {_said(error)}",
            remedy="Check the network; `aml cloud status` shows the local cloud.",
        )


@contextmanager
def _gone() -> Iterator[None]:
    """Leave alone what is gone, or is ending already."""
    try:
        yield
    except HttpResponseError as error:
        if error.status_code not in (_NOT_FOUND, _CONFLICT):
            raise


def _token(cloud: Client) -> Callable[[], str]:
    if cloud.endpoint.ca:
        return cloud.credential.token
    return azure_credential(scope=SCOPE).token


def _said(error: AzureError) -> str:
    """Return the service's own sentence, with the values that it names apart from it."""
    said = getattr(error, "error", None)
    message = getattr(said, "message", None) or error.message
    text = " ".join(str(message).partition("\nRequestId")[0].split())
    values = getattr(said, "details", None) or ()
    apart = [f"{each.code}: {each.message}" for each in values if str(each.message) not in text]
    return " ".join([text, *([f"({'; '.join(apart)})"] if apart else ())]) or type(error).__name__


def _code(error: HttpResponseError) -> str:
    return str(getattr(error.error, "code", "") or "")


def reason_of(task: Document) -> str:
    """Return why a task has ended, as the service says; ``""`` for one that succeeded."""
    info: JsonObject = dict(task.get("executionInfo") or {})
    failed: JsonObject = info.get("failureInfo") or {}
    if not failed:
        return ""
    details = [f"{each['name']}: {each['value']}" for each in failed.get("details") or ()]
    told = "; ".join(text for text in details if not text.endswith(str(failed.get("message"))))
    return f"{failed.get('message')} ({failed.get('code')})" + (f": {told}" if told else "")
