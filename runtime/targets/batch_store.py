"""The folder of a run on Batch in its workspace's default blob store, as its carrier uses it.

The tree of a run lies in a folder that is named after its content, so that nothing is sent twice;
what only the run has (what is asked of the node, what it leaves) is below ``aml-runs/RUN``.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from azure.core.exceptions import AzureError
from azure.storage.blob import (
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    generate_container_sas,
)

from infra.contract.errors import PlatformError, ProviderError, UnreachableError
from infra.contract.json_types import Document, JsonObject
from runtime.agent.archive import ARCHIVE_NAME
from runtime.agent.assets.datastore import Datastore
from runtime.agent.assets.errors import AzureMLException, WebserviceException
from runtime.agent.assets.transport import Transport
from runtime.agent.node_blobs import CANCEL, END
from runtime.agent.node_environment import UV
from runtime.agent.node_run import ASKED
from runtime.targets.azureml_code import Content, UploadError, upload
from runtime.targets.batch_bodies import BLOBS
from runtime.targets.run_places import Workspace
from runtime.targets.ssh_trees import Listed
from runtime.targets.token_identity import TokenIdentity

READ: Final = "rl"
WRITE: Final = "rcwl"
_SIGNED_FOR: Final = timedelta(days=7)
"""The longest that Azure allows for a signature by an identity."""
_TREES: Final = f"{BLOBS}/trees"


class RunStore:
    """The blobs of one run. Raises ``UnreachableError`` while storage does not answer."""

    def __init__(self, transport: Transport, run_id: str) -> None:
        self.folder = f"{BLOBS}/{run_id}"
        self._ca = transport.ca_file
        with _storage():
            self._datastore = Datastore(Workspace(transport))
            self._blobs = self._datastore.container()

    def signed(self, permissions: str, blob: str = "") -> str:
        """Return the address of the container, or of a blob of it, with a signature."""
        address = self._blobs.address(blob) if blob else self._blobs.url
        return f"{address}?{self._signature(permissions)}"

    def send_tree(self, tree: Listed, group: str) -> str:
        """Send the files of a run; return their folder. Only what is not there is sent."""
        folder = f"{_TREES}/{tree.id}"
        files: dict[str, Content] = {}
        for path, sha256, size, _ in json.loads(tree.text)["files"]:
            files[path] = Content(sha256, size, tree.contents[sha256])
        verify: JsonObject = {"connection_verify": self._ca} if self._ca else {}
        url = self.signed(WRITE)
        with _storage(), ContainerClient.from_container_url(url, **verify) as container:
            upload(container, folder, files, group=group, now=time.time)
        return folder

    def send_agent(self, agent: bytes) -> str:
        """Send the agent, unless it is there; return its blob."""
        name = f"{BLOBS}/agents/{hashlib.sha256(agent).hexdigest()}/{ARCHIVE_NAME}"
        with _storage():
            self._blobs.write(name, agent, overwrite=False)
        return name

    def send_uv(self, file: Path) -> str:
        """Send the program that builds environments, unless it is there; return its blob."""
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        name = f"{BLOBS}/tools/{digest}/{UV}"
        with _storage():
            if self._blobs.head(name) is None:
                self._blobs.put(name, str(file))
        return name

    def ask(self, document: Document) -> str:
        """Write what is asked of the node; return its blob."""
        name = f"{self.folder}/{ASKED}"
        with _storage():
            self._blobs.write(name, json.dumps(document).encode())
        return name

    def cancel(self) -> None:
        """Ask the node to stop the run."""
        with _storage():
            self._blobs.write(f"{self.folder}/{CANCEL}", b"")

    def ended(self) -> Document | None:
        """Return what the node said last: ``attempt``, ``exit_code``, ``reason``, ``problems``."""
        name = f"{self.folder}/{END}"
        with _storage():
            if self._blobs.head(name) is None:
                return None
            found: JsonObject = json.loads(self._blobs.read(name))
            return found

    def left(self, attempt: int) -> list[str]:
        """Return the paths of the files that an attempt left."""
        start = f"{self.folder}/files/{attempt}/"
        with _storage():
            return [each.name.removeprefix(start) for each in self._blobs.list(start)]

    def content(self, name: str) -> bytes:
        """Return a blob of the run's folder, nothing if it is not there."""
        blob = f"{self.folder}/{name}"
        with _storage():
            return b"" if self._blobs.head(blob) is None else self._blobs.read(blob)

    def fetch(self, attempt: int, name: str, file: Path) -> None:
        """Read a file that an attempt left into a file here."""
        with _storage():
            self._blobs.get(f"{self.folder}/files/{attempt}/{name}", str(file))

    def clear(self) -> None:
        """Delete what only the run has."""
        with _storage():
            for each in list(self._blobs.list(f"{self.folder}/")):
                self._blobs.delete(each.name)

    def _signature(self, permissions: str) -> str:
        store, now = self._datastore, datetime.now(UTC)
        if store.sas_token:
            return store.sas_token.lstrip("?")
        allowed = ContainerSasPermissions.from_string(permissions)
        if store.account_key:
            return generate_container_sas(
                store.account_name,
                store.container_name,
                account_key=store.account_key,
                permission=allowed,
                expiry=now + _SIGNED_FOR,
            )
        identity = TokenIdentity(lambda: store.workspace.transport.storage_token() or "")
        service = BlobServiceClient(self._blobs.url.rpartition("/")[0], identity)
        with _storage(), service:
            key = service.get_user_delegation_key(now, now + _SIGNED_FOR)
        return generate_container_sas(
            store.account_name,
            store.container_name,
            user_delegation_key=key,
            permission=allowed,
            expiry=now + _SIGNED_FOR,
        )


@contextmanager
def _storage() -> Iterator[None]:
    """Name what storage or the workspace refuses, and what keeps them from answering."""
    try:
        yield
    except PlatformError:
        raise
    except UploadError as error:
        raise UnreachableError(
            f"{error.path} was not sent: {error}", remedy="Check the network."
        ) from error
    except WebserviceException as error:
        if error.status_code:
            raise _refused(error) from error
        raise UnreachableError(str(error), remedy="Check the network.") from error
    except AzureMLException as error:
        raise _refused(error) from error
    except AzureError as error:
        raise UnreachableError(str(error.message), remedy="Check the network.") from error


def _refused(error: Exception) -> ProviderError:
    return ProviderError(
        f"The workspace's blob store cannot be used: {error}",
        remedy="Runs on Batch keep their files in the workspace's default datastore, which needs"
        " an account key, a signature, or an identity that may write to it.",
    )
