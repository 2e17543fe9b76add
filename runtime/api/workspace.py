"""``Workspace``, as in azureml-core: the workspace that a stack deployed."""

import json
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from infra.catalogue.api_versions import MACHINE_LEARNING
from infra.catalogue.names import parse_arm_id
from infra.contract.errors import PlatformError
from infra.contract.json_types import Document, JsonObject
from infra.contract.load import load
from infra.contract.manifest import Manifest, read_manifest
from infra.contract.project import home_folder
from infra.contract.stack_computes import stack_computes
from runtime.agent.assets.datastore import Datastore
from runtime.agent.assets.model import Model
from runtime.agent.assets.transport import Transport
from runtime.api.authentication import AbstractAuthentication
from runtime.api.compute_target import ComputeTarget
from runtime.api.exceptions import (
    UserErrorException,
    WorkspaceNotFoundException,
    azureml_errors,
)
from runtime.api.keyvault import Keyvault
from runtime.api.sections import refuse_unknown
from runtime.api.workspaces.attributes import missing_attribute
from runtime.api.workspaces.clients import Clients
from runtime.api.workspaces.config import (
    FILE,
    FOLDER,
    WorkspaceName,
    configured,
    find_config,
    manifests,
    read_config,
    stack_of,
)
from runtime.api.workspaces.named import Named
from runtime.submit.session import ProjectSession, open_session
from runtime.targets.base import Closeable

__all__ = ["Workspace"]


class Workspace:
    """The workspace that one stack deployed, by its three names or from a file.

    Raises ``WorkspaceNotFoundException`` for one that no stack of the project deployed.
    """

    def __init__(
        self,
        subscription_id: str | ProjectSession,
        resource_group: str = "",
        workspace_name: str = "",
        auth: object = None,
        **others: object,
    ) -> None:
        _check("Workspace", others, _PARAMETERS)
        session = (
            subscription_id
            if isinstance(subscription_id, ProjectSession)
            else _opened(WorkspaceName(workspace_name, resource_group, subscription_id))
        )
        self._session = session
        self._manifest = read_manifest(session.targets.manifest_file, stack=session.stack)
        if self._manifest.cloud == "azure" and isinstance(auth, AbstractAuthentication):
            auth.use()
        workspace = self._manifest.workspace
        parts = parse_arm_id(workspace.id)
        self.id = workspace.id
        self.name = workspace.name
        self.location = workspace.location
        self.subscription_id = parts.subscription
        self.resource_group = parts.resource_group or ""
        # Private in azureml-core, and read by scripts all the same.
        self._workspace_name = self.name
        self._subscription_id = self.subscription_id
        self._resource_group = self.resource_group
        self._auth_object = auth
        self._clients = Clients(session.home, self._manifest)
        self._transport: Transport | None = None
        # Its runs and experiments keep it: nobody uses the connections when it is gone.
        weakref.finalize(self, session.close)

    @classmethod
    def from_config(
        cls,
        path: str | Path | None = None,
        auth: object = None,
        _logger: object = None,
        _file_name: str | None = None,
        *,
        stack: str | None = None,
    ) -> "Workspace":
        """Return the workspace that ``config.json`` names, else that of the selected stack.

        The file is looked for in ``path`` (a file or a folder; default: the working folder), its
        ``.azureml`` and ``aml_config``, and the folders above. ``path`` may be a manifest, too.
        Raises ``NotDeployedError`` if nothing was deployed.
        """
        if stack is not None:
            return cls(open_session(stack, None if path is None else Path(path)), auth=auth)
        file = find_config(Path(path or "."), _file_name)
        if file is None and (path or _file_name):
            raise WorkspaceNotFoundException(
                f"There is no {_file_name or FILE} in {Path(path or '.').absolute()}, its {FOLDER}"
                " or aml_config, or a folder above.",
                remedy="Write one with `Workspace.write_config()`, or leave the path out for the"
                " workspace of the selected stack.",
            )
        if file is None:
            return cls(open_session(None), auth=auth)
        document = read_config(file)
        if isinstance(document.get("workspace"), dict):
            return cls(open_session(None, file), auth=auth)
        return cls(_opened(configured(document, file)), auth=auth)

    @classmethod
    def get(
        cls,
        name: str,
        auth: object = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        **others: object,
    ) -> "Workspace":
        """Return a workspace by name; subscription and resource group may be left out."""
        _check("Workspace.get", others, _GET_PARAMETERS)
        wanted = WorkspaceName(name, resource_group or "", subscription_id or "")
        return cls(_opened(wanted), auth=auth)

    @classmethod
    def create(
        cls,
        name: str,
        auth: object = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        *,
        exist_ok: bool = False,
        **others: object,
    ) -> "Workspace":
        """Return a workspace that a stack deployed, or say how to make one.

        A workspace is declared in a stack file, and nothing else makes one. With ``exist_ok``, one
        that exists is returned.
        """
        _check("Workspace.create", others, _CREATE_PARAMETERS)
        wanted = WorkspaceName(name, resource_group or "", subscription_id or "")
        found = any(wanted.means(each) for each in manifests(home_folder()).values())
        if found and exist_ok:
            return cls(_opened(wanted), auth=auth)
        if found:
            raise UserErrorException(
                f"Workspace {wanted} already exists.", remedy="Pass `exist_ok=True`, or use `get`."
            )
        place = f" in {location}" if location else ""
        raise UserErrorException(
            f"Workspace {wanted} is not deployed, and a script does not deploy one.",
            remedy=f"Declare it{place} in a stack file (`aml init`), then run `aml up`.",
        )

    @staticmethod
    def list(
        subscription_id: str = "", auth: object = None, resource_group: str | None = None
    ) -> "dict[str, list[Workspace]]":
        """Return the workspaces that the project's stacks deployed, by name."""
        wanted = WorkspaceName("", resource_group or "", subscription_id)
        found: dict[str, list[Workspace]] = {}
        for stack, manifest in manifests(home_folder()).items():
            if wanted.means(manifest):
                workspace = Workspace(open_session(stack), auth=auth)
                found.setdefault(workspace.name, []).append(workspace)
        return found

    def write_config(self, path: str | Path | None = None, file_name: str | None = None) -> None:
        """Write ``.azureml/config.json`` below ``path`` (default: the working folder)."""
        folder = Path(path or ".") / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        names = {
            "subscription_id": self.subscription_id,
            "resource_group": self.resource_group,
            "workspace_name": self.name,
        }
        text = json.dumps(names, indent=4) + "\n"
        (folder / (file_name or FILE)).write_text(text, encoding="utf-8")

    def get_details(self) -> JsonObject:
        """Ask the cloud and return what it knows of the workspace, its properties on top level."""
        document = self._document()
        others = {key: value for key, value in document.items() if key != "properties"}
        return {**others, **document.get("properties", {})}

    @property
    def sku(self) -> str:
        """The pricing tier, from the cloud."""
        return str((self._document().get("sku") or {}).get("name", ""))

    @property
    def tags(self) -> dict[str, str]:
        """The tags, from the cloud."""
        return dict(self._document().get("tags") or {})

    @property
    def _workspace_id(self) -> str:
        """The workspace's own id, a GUID, from the cloud; scripts make names of computes of it."""
        return str(self.get_details().get("workspaceId", ""))

    @property
    def discovery_url(self) -> str:
        """The address of the workspace's services, from the cloud."""
        return str(self.get_details().get("discoveryUrl", ""))

    @property
    def compute_targets(self) -> Mapping[str, ComputeTarget]:
        """The workspace's computes by name."""
        return Named(
            lambda: self.manifest.targets, lambda name: ComputeTarget(workspace=self, name=name)
        )

    def get_default_compute_target(self, type: str) -> ComputeTarget | None:
        """Return the first cluster of a type, ``CPU`` or ``GPU``, ``None`` if there is none."""
        wants_gpu = type.upper() == "GPU"
        for name, entry in self.manifest.targets.items():
            is_gpu = "_n" in (entry.vm_size or "").lower()
            if entry.kind == "aml_compute" and is_gpu == wants_gpu:
                return self.compute_targets[name]
        return None

    @property
    def datastores(self) -> Mapping[str, Datastore]:
        """The workspace's datastores by name."""
        return Named(lambda: Datastore.all(self), lambda name: Datastore.get(self, name))

    def get_default_datastore(self) -> Datastore:
        """Return the default datastore."""
        return Datastore.get_default(self)

    def set_default_datastore(self, name: str) -> None:
        """Make a datastore the default, for everybody who uses the workspace."""
        Datastore.get(self, name).set_as_default()

    @property
    def datasets(self) -> Mapping[str, object]:
        """The latest version of each registered dataset, by name."""
        dataset = load("runtime.agent.assets.dataset:Dataset")
        return Named(lambda: dataset.get_all(self), lambda name: dataset.get_by_name(self, name))

    @property
    def models(self) -> Mapping[str, Model]:
        """The latest version of each registered model, by name."""
        return Named(
            lambda: {each.name for each in Model.list(self, latest=True)},
            lambda name: Model(self, name),
        )

    @property
    def environments(self) -> Mapping[str, object]:
        """The registered environments by name, and curated ones: see ``Environment.list``."""
        found: Mapping[str, object] = load("runtime.api.environment:Environment").list(self)
        return found

    @property
    def experiments(self) -> Mapping[str, object]:
        """The experiments that have runs and are not archived, by name."""
        experiment = load("runtime.api.experiment:Experiment")
        return Named(
            lambda: [each.name for each in experiment.list(self)],
            lambda name: experiment(self, name),
        )

    def get_run(self, run_id: str) -> object:
        """Return a run of the workspace; raise ``UserErrorException`` for an unknown id."""
        return load("runtime.api.run:Run").get(self, run_id)

    def sync_keys(self, no_wait: bool = False) -> None:
        """Have the workspace read the keys of its storage and registry again, and wait for it."""
        with azureml_errors():
            self._clients.arm().complete(
                "POST", f"{self.id}/resyncKeys", api_version=MACHINE_LEARNING
            )

    def delete(self, delete_dependent_resources: bool = False, no_wait: bool = False) -> None:
        """Delete everything that the workspace's stack deployed, and wait for it.

        Its storage account, key vault and registry are of the same stack, so that
        ``delete_dependent_resources`` must agree. The stack file is left.
        """
        if not delete_dependent_resources:
            raise UserErrorException(
                f"Stack {self._session.stack!r} deploys the workspace and the resources that it"
                " depends on; it does not delete the workspace alone.",
                remedy="Give `delete_dependent_resources=True` to delete all of it.",
            )
        with azureml_errors():
            stack_computes(self._session.stack).destroy()

    def get_default_keyvault(self) -> Keyvault:
        """Return the workspace's key vault."""
        return Keyvault(self)

    def get_mlflow_tracking_uri(self, _with_auth: bool = False) -> str:
        """Return the address of the workspace's MLflow tracking server.

        It is https; its token and, for the local cloud, its certificate authority are given to
        mlflow in this process through ``MLFLOW_TRACKING_TOKEN`` and
        ``MLFLOW_TRACKING_SERVER_CERT_PATH``.
        """
        return self._clients.tracking_uri()

    @property
    def manifest(self) -> Manifest:
        """The document the stack exported, as it is now: a script may have deployed a compute."""
        session = self._session
        return read_manifest(session.targets.manifest_file, stack=session.stack)

    @property
    def session(self) -> ProjectSession:
        """The session that submits to this workspace; used by this package."""
        return self._session

    @property
    def transport(self) -> Transport:
        """The client by which datastores, datasets and models speak to the workspace."""
        if self._transport is None:
            session = self._session
            make = load("runtime.targets.workspace_transport:open_transport", extra="azureml")
            made: Transport = make(session.home, session.targets.manifest_file, session.stack)
            self._transport = made
            weakref.finalize(self, _close, made)
        return self._transport

    @property
    def clients(self) -> Clients:
        """The clients that speak to the workspace's cloud; used by this package."""
        return self._clients

    def _document(self) -> Document:
        with azureml_errors():
            return self._clients.get(self.id, MACHINE_LEARNING)

    def __getattr__(self, name: str) -> NoReturn:
        raise missing_attribute(self, name, NOT_OFFERED)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Workspace) and self.id.lower() == other.id.lower()

    def __hash__(self) -> int:
        return hash(self.id.lower())

    def __repr__(self) -> str:
        return (
            f"Workspace.create(name={self.name!r}, subscription_id={self.subscription_id!r},"
            f" resource_group={self.resource_group!r})"
        )


# Attribute → what to do instead.
_STACK = "change the stack file and run `aml up`"
NOT_OFFERED = {
    "add_private_endpoint": _STACK,
    "delete_connection": _STACK,
    "delete_private_endpoint_connection": _STACK,
    "diagnose_workspace": "run `aml check --online`",
    "get_connection": "declare a datastore in the stack file",
    "images": "deploy with Azure's own tools",
    "linked_services": _STACK,
    "list_connections": "declare a datastore in the stack file",
    "list_keys": "run `aml outputs`; keys are never printed",
    "private_endpoints": _STACK,
    "service_context": "use `workspace.clients`",
    "set_connection": _STACK,
    "setup": "run `aml init`",
    "update": _STACK,
    "update_dependencies": _STACK,
    "webservices": "deploy with Azure's own tools",
}


# The parameters of azureml-core that say nothing about a workspace that is there already.
_NAMES = ("name", "auth", "subscription_id", "resource_group", "location")
_PARAMETERS = ("subscription_id", "resource_group", "workspace_name", "auth", "sku", "tags")
_GET_PARAMETERS = (*_NAMES, "cloud", "id")
_CREATE_PARAMETERS = (
    *_NAMES,
    *("create_resource_group", "sku", "tags", "friendly_name", "storage_account", "key_vault"),
    *("app_insights", "container_registry", "adb_workspace", "primary_user_assigned_identity"),
    *("cmk_keyvault", "resource_cmk_uri", "hbi_workspace", "default_cpu_compute_target"),
    *("default_gpu_compute_target", "private_endpoint_config", "private_endpoint_auto_approval"),
    *("exist_ok", "show_output", "user_assigned_identity_for_cmk_encryption"),
    *("system_datastores_auth_mode", "v1_legacy_mode"),
)


def _check(owner: str, given: Iterable[str], known: Sequence[str]) -> None:
    """Refuse parameters that azureml-core does not have; it has private ones, too."""
    wrong = [name for name in given if name not in known and not name.startswith("_")]
    refuse_unknown(owner, wrong, known)


def _close(transport: Transport) -> None:
    """Close a transport that has connections."""
    if isinstance(transport, Closeable):
        transport.close()


def _opened(wanted: WorkspaceName) -> ProjectSession:
    """Open the session of a workspace: of the stack that deployed it, else of the workspace itself.

    Without a subscription, only workspaces that were deployed or used here are meant.
    """
    home = home_folder()
    try:
        return open_session(stack_of(wanted, manifests(home)))
    except WorkspaceNotFoundException as unknown:
        if not (wanted.subscription_id and wanted.resource_group):
            raise
        use = load("runtime.api.workspaces.using:use_workspace", extra="azureml")
        try:
            used: Manifest = use(home, wanted)
        except PlatformError as error:
            raise WorkspaceNotFoundException(
                f"{unknown.detail} {error.detail}",
                remedy=f"{unknown.remedy} {error.remedy}".strip(),
                at=wanted.at,
            ) from error
        return open_session(used.stack)
