"""A Databricks workspace as its client reaches it: its files, its errors, its address.

The address is asked of ARM each time, since that of the local cloud changes; the token is read from
its reference, or is that of the identity that asks ARM.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import ClassVar, Final, Protocol

from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.errors import (
    DeadlineExceeded,
    InternalError,
    NotFound,
    PermissionDenied,
    TemporarilyUnavailable,
    TooManyRequests,
    Unauthenticated,
)
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.workspace import ExportFormat, ImportFormat

from infra.arm.client import azure_client, local_client
from infra.arm.credentials import azure_credential
from infra.catalogue.api_versions import DATABRICKS
from infra.contract.errors import (
    CredentialError,
    NotDeployedError,
    PlatformError,
    UnreachableError,
)
from infra.contract.json_types import Document
from runtime.targets.attached import attached
from runtime.targets.references import read_reference

_SCOPE: Final = "2ff814a6-3304-4ab8-85cd-cb0e6f879c1d/.default"
"""Azure Databricks, as Entra ID knows it."""
_BUNDLE: Final = "bundle.pem"
_TIMEOUT_S: Final = 30
_BUSY: Final = (DeadlineExceeded, InternalError, TemporarilyUnavailable, TooManyRequests)


class DatabricksRefusedError(PlatformError):
    """A request that the workspace refuses."""

    summary: ClassVar[str] = "Databricks refused the request"


class Workspace:
    """One workspace. ``settings`` are those that ``DatabricksTarget`` writes."""

    def __init__(self, settings: Document, home: Path) -> None:
        self.target = str(settings["target"])
        self._settings = settings
        self._home = home
        self._client: WorkspaceClient | None = None
        self._user = ""

    @property
    def client(self) -> WorkspaceClient:
        """Return the client, opened on first use."""
        if self._client is None:
            self._client = self._opened()
        return self._client

    @property
    def user(self) -> str:
        """Return the name of the token's user, whose folder keeps the runs' files."""
        if not self._user:
            self._user = str(self.client.current_user.me().user_name)
        return self._user

    @contextmanager
    def asking(self, *, watching: bool = False) -> Iterator[None]:
        """Turn what the client raises into errors about the workspace.

        ``watching``: a run may go on there, so whatever keeps us from it, it is out of reach,
        unless the workspace itself is gone.
        """
        try:
            yield
        except (Unauthenticated, PermissionDenied) as error:
            self.close()
            # The client appends its own settings to what the workspace says.
            said = str(error).partition(" Config: ")[0].rstrip(".")
            detail = f"The Databricks workspace of {self.target!r} rejects the token: {said}."
            kind = UnreachableError if watching else CredentialError
            raise kind(detail, remedy=self._renewing) from error
        except _BUSY as error:
            raise self._silent(error) from error
        except DatabricksError as error:
            raise DatabricksRefusedError(
                f"The Databricks workspace of {self.target!r} says: {error}",
                remedy="Correct what it names, then submit again.",
            ) from error
        except OSError as error:
            self.close()
            raise self._silent(error) from error
        except PlatformError as error:
            if watching and not isinstance(error, UnreachableError | NotDeployedError):
                raise UnreachableError(error.detail, remedy=error.remedy) from error
            raise

    def close(self) -> None:
        """Forget the connection: the next request opens another."""
        self._client = None

    @property
    def _renewing(self) -> str:
        reference = self._settings["credentials"].get("access_token")
        if reference is None:
            return (
                "Give `access_token` in the stack file as a reference, or sign in as a user of it."
            )
        return f"Renew the token that {reference} refers to."

    def _silent(self, error: Exception) -> UnreachableError:
        return UnreachableError(
            f"The Databricks workspace of {self.target!r} does not answer: {error}.",
            remedy="Check the network; the run goes on there, and is followed once it answers.",
        )

    def _opened(self) -> WorkspaceClient:
        settings = self._settings
        local = settings["cloud"] == "local"
        arm = local_client(self._home) if local else azure_client()
        try:
            id_ = str(settings["resource_id"])
            found = attached(arm, id_, api_version=DATABRICKS, noun="Databricks workspace")
            reference = settings["credentials"].get("access_token")
            if reference is not None:
                token = read_reference(reference, self._home.parent, os.environ)
            else:
                token = (arm.credential if local else azure_credential(scope=_SCOPE)).token()
            if arm.endpoint.ca is not None:
                # The client has no other way to name an authority; the bundle has the public ones.
                os.environ["REQUESTS_CA_BUNDLE"] = str(arm.endpoint.ca.with_name(_BUNDLE))
        finally:
            arm.close()
        config = Config(
            host=f"https://{found['properties']['workspaceUrl']}",
            token=token,
            auth_type="pat",
            http_timeout_seconds=_TIMEOUT_S,
            retry_timeout_seconds=_TIMEOUT_S,
        )
        return WorkspaceClient(config=config)


class Files(Protocol):
    """A folder of a workspace, by the names in it."""

    part_bytes: int
    """How large a file may be that is written at once."""

    @property
    def mounted(self) -> str:
        """Return the path of the folder on the nodes of a cluster."""

    def put(self, name: str, content: bytes) -> None:
        """Write a file, and the folders above it."""

    def get(self, name: str) -> bytes:
        """Read a file."""

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted; none if there is no folder."""

    def delete(self, name: str) -> None:
        """Delete a file, if it is there."""

    def remove(self) -> None:
        """Delete the folder with all that is in it, if it is there."""


class WorkspaceFiles:
    """Workspace files, of which the API takes 10 MB at once."""

    part_bytes = 8 << 20

    def __init__(self, workspace: Workspace, folder: str) -> None:
        self._workspace = workspace
        self._folder = folder
        self._made: set[str] = set()

    @property
    def mounted(self) -> str:
        return f"/Workspace{self._folder}"

    def put(self, name: str, content: bytes) -> None:
        path = f"{self._folder}/{name}"
        above = str(PurePosixPath(path).parent)
        api = self._workspace.client.workspace
        if above not in self._made:
            api.mkdirs(above)
            self._made.add(above)
        api.upload(path, io.BytesIO(content), format=ImportFormat.AUTO, overwrite=True)

    def get(self, name: str) -> bytes:
        api = self._workspace.client.workspace
        with api.download(f"{self._folder}/{name}", format=ExportFormat.AUTO) as source:
            return source.read()

    def names(self, folder: str) -> list[str]:
        with suppress(NotFound):
            found = self._workspace.client.workspace.list(f"{self._folder}/{folder}")
            return sorted(PurePosixPath(str(each.path)).name for each in found)
        return []

    def delete(self, name: str) -> None:
        with suppress(NotFound):
            self._workspace.client.workspace.delete(f"{self._folder}/{name}")

    def remove(self) -> None:
        self._made.clear()
        with suppress(NotFound):
            self._workspace.client.workspace.delete(self._folder, recursive=True)


class VolumeFiles:
    """A folder of a volume."""

    part_bytes = 128 << 20

    def __init__(self, workspace: Workspace, folder: str) -> None:
        self._workspace = workspace
        self._folder = folder

    @property
    def mounted(self) -> str:
        return self._folder

    def put(self, name: str, content: bytes) -> None:
        path = f"{self._folder}/{name}"
        self._workspace.client.files.upload(path, io.BytesIO(content), overwrite=True)

    def get(self, name: str) -> bytes:
        contents = self._workspace.client.files.download(f"{self._folder}/{name}").contents
        if contents is None:
            return b""
        with contents as source:
            return source.read()

    def names(self, folder: str) -> list[str]:
        with suppress(NotFound):
            api = self._workspace.client.files
            found = api.list_directory_contents(f"{self._folder}/{folder}")
            return sorted(str(each.name) for each in found)
        return []

    def delete(self, name: str) -> None:
        with suppress(NotFound):
            self._workspace.client.files.delete(f"{self._folder}/{name}")

    def remove(self) -> None:
        self._remove(self._folder)

    def _remove(self, folder: str) -> None:
        api = self._workspace.client.files
        with suppress(NotFound):
            for each in list(api.list_directory_contents(folder)):
                if each.is_directory:
                    self._remove(str(each.path))
                else:
                    api.delete(str(each.path))
            api.delete_directory(folder)
