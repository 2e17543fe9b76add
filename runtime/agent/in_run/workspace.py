"""``Workspace``: the workspace of the run, without a configuration file or a login."""

import json
import os
import typing
import warnings

from ..assets.abstract_dataset import AbstractDataset
from ..assets.dataset import Dataset
from ..assets.datastore import Datastore
from ..assets.model import Model
from ..assets.transport import items, request
from . import connection
from .connection import Json
from .errors import UserErrorException
from .keyvault import Keyvault
from .late import SaysWhatIsThere, refused
from .loading import load
from .transport import RunTransport

_CONFIG = "config.json"
_FOLDERS = ("", ".azureml", "aml_config")
_KEYS = ("subscription_id", "resource_group", "workspace_name")


class Workspace(SaysWhatIsThere):
    """The run's workspace, whatever it is asked for by: a run belongs to one."""

    def __init__(
        self,
        subscription_id: typing.Optional[str] = None,
        resource_group: typing.Optional[str] = None,
        workspace_name: typing.Optional[str] = None,
        auth: object = None,
        **_: object,
    ) -> None:
        self._asked = (subscription_id, resource_group, workspace_name)
        self._auth = auth
        self._made: typing.Optional[RunTransport] = None

    @staticmethod
    def from_config(
        path: typing.Optional[str] = None,
        auth: object = None,
        _logger: object = None,
        _file_name: typing.Optional[str] = None,
    ) -> "Workspace":
        """Return the run's workspace; warn if a configuration file names another."""
        found = _config(path or ".", _file_name or _CONFIG)
        subscription, group, name = (found.get(key) for key in _KEYS)
        return Workspace(subscription, group, name, auth=auth)

    @staticmethod
    def get(
        name: str,
        auth: object = None,
        subscription_id: typing.Optional[str] = None,
        resource_group: typing.Optional[str] = None,
        **_: object,
    ) -> "Workspace":
        """Return the run's workspace; warn if another is meant."""
        return Workspace(subscription_id, resource_group, name, auth=auth)

    @staticmethod
    def create(*_: object, **__: object) -> "Workspace":
        raise refused("Workspace.create", "Workspaces are declared in a stack file: `aml up`.")

    @property
    def transport(self) -> RunTransport:
        """The workspace's client. Raises ``UserErrorException`` if the run has no workspace."""
        if self._made is None:
            self._made = RunTransport()
            self._warn_of_another(self._made.workspace_id)
        return self._made

    def _warn_of_another(self, workspace_id: str) -> None:
        parts = workspace_id.split("/")
        found = (parts[2], parts[4], parts[8])
        other = [f"{want}" for want, have in zip(self._asked, found) if want and want != have]
        if other:
            warnings.warn(
                f"The run belongs to the workspace {found[2]!r} (resource group {found[1]!r}), and"
                f" that is used in place of {', '.join(other)}.",
                stacklevel=5,
            )

    # --- what it is

    @property
    def id(self) -> str:
        return self.transport.workspace_id

    @property
    def subscription_id(self) -> str:
        return self.id.split("/")[2]

    @property
    def resource_group(self) -> str:
        return self.id.split("/")[4]

    @property
    def name(self) -> str:
        return self.id.split("/")[8]

    @property
    def location(self) -> str:
        return self.transport.location or str(self.get_details()["location"])

    @property
    def tags(self) -> typing.Dict[str, str]:
        return typing.cast("typing.Dict[str, str]", self.get_details().get("tags") or {})

    @property
    def _subscription_id(self) -> str:
        return self.subscription_id

    @property
    def _workspace_name(self) -> str:
        return self.name

    @property
    def _resource_group(self) -> str:
        return self.resource_group

    @property
    def _auth_object(self) -> object:
        return self._auth

    def get_details(self) -> Json:
        """Return the workspace's resource, its properties beside its name and location."""
        found = request(self.transport, "GET", "")
        properties = typing.cast("Json", found.pop("properties", {}))
        return {**properties, **found}

    def get_mlflow_tracking_uri(self) -> str:
        """Return where MLflow logs to: the run's own endpoint."""
        return os.environ.get("AML_AGENT_URL", "")

    def write_config(
        self, path: typing.Optional[str] = None, file_name: typing.Optional[str] = None
    ) -> None:
        """Write the configuration file that ``from_config`` reads."""
        place = path or os.path.join(".", ".azureml")
        file = place if place.endswith(".json") else os.path.join(place, file_name or _CONFIG)
        os.makedirs(os.path.dirname(file) or ".", exist_ok=True)
        names = (self.subscription_id, self.resource_group, self.name)
        with open(file, "w", encoding="utf-8") as sink:
            json.dump(dict(zip(_KEYS, names)), sink, indent=4)

    # --- what it holds

    def get_default_datastore(self) -> Datastore:
        return Datastore.get_default(self)

    @property
    def datastores(self) -> typing.Dict[str, Datastore]:
        return Datastore.all(self)

    @property
    def datasets(self) -> typing.Dict[str, AbstractDataset]:
        """The newest version of each dataset, by name."""
        return Dataset.get_all(self)

    @property
    def models(self) -> typing.Dict[str, Model]:
        """The newest version of each model, by name."""
        return {model.name: model for model in Model.list(self, latest=True)}

    @property
    def compute_targets(self) -> typing.Dict[str, Json]:
        """What ARM knows of the workspace's computes, by name."""
        found = items(self.transport, "/computes")
        return {str(each["name"]): typing.cast("Json", each) for each in found}

    @property
    def environments(self) -> typing.Dict[str, Json]:
        """What ARM knows of the workspace's environments, by name."""
        found = items(self.transport, "/environments")
        return {str(each["name"]): typing.cast("Json", each) for each in found}

    @property
    def experiments(self) -> typing.List[str]:
        """The names of the experiments that the run knows: its own."""
        return [str(connection.call("run")["experiment"])]

    def get_run(self, run_id: str) -> typing.Any:
        """Return a run by its id."""
        return load("run:Run").get(self, run_id)

    def get_default_keyvault(self) -> Keyvault:
        return Keyvault(self)

    def __repr__(self) -> str:
        return (
            f"Workspace.create(name={self.name!r}, subscription_id={self.subscription_id!r},"
            f" resource_group={self.resource_group!r})"
        )


def _config(path: str, name: str) -> typing.Dict[str, str]:
    """Return the configuration file that applies here; an empty one if there is none."""
    if os.path.isfile(path):
        return _read(path)
    folder = os.path.abspath(path)
    while True:
        for below in _FOLDERS:
            file = os.path.join(folder, below, name)
            if os.path.isfile(file):
                return _read(file)
        if folder == os.path.dirname(folder):
            return {}
        folder = os.path.dirname(folder)


def _read(file: str) -> typing.Dict[str, str]:
    try:
        with open(file, encoding="utf-8") as source:
            document = json.load(source)
        return {key: str(document[key]) for key in _KEYS if document.get(key)}
    except (ValueError, AttributeError, TypeError) as error:
        raise UserErrorException(f"{file} is not a workspace's configuration: {error}.") from error
