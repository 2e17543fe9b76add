"""``Model``, as in azureml-core: a registered version of a model's files.

A model is ARM's ``models/{name}/versions/{version}``, so Azure ML's other clients see it too.
"""

import json
import os
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Union

from . import asset_versions, transfers
from .datastore import Datastore
from .errors import (
    ModelPathNotFoundException,
    UserErrorException,
    WebserviceException,
    not_offered,
)
from .locations import place_of
from .model_properties import (
    DATASETS,
    FRAMEWORK,
    FRAMEWORK_VERSION,
    OWN,
    RESOURCES,
    SAMPLE_INPUT,
    SAMPLE_OUTPUT,
    Wanted,
    datasets_of,
    matching,
    own_properties,
    pairs,
    referenced,
    run_of,
)
from .progress import Progress
from .resource_configuration import ResourceConfiguration
from .transport import HasTransport, found, request, section, texts
from .uploaded import stored

_KIND = "models"
_NO_PATH = "There is no file or folder {}; give a path of this machine."
_HINT = "Deploy it with azure-ai-ml; registering, listing and downloading models work here."

workspaces: List[Callable[[], Optional[HasTransport]]] = []
"""Inside a run, what finds its workspace."""


class Framework:
    """Names of frameworks, for ``model_framework``."""

    TENSORFLOW = "TensorFlow"
    SCIKITLEARN = "ScikitLearn"
    ONNX = "Onnx"
    CUSTOM = "Custom"
    PYTORCH = "PyTorch"
    KERAS = "Keras"
    MULTI = "Multi"


class Model:
    """One version of a model, by name (default: its newest version) or by id, ``name:version``.

    ``tags`` and ``properties`` narrow the search: a list of names, or of (name, value).
    Raises ``WebserviceException`` if there is no such model.
    """

    Framework = Framework

    def __init__(
        self,
        workspace: HasTransport,
        name: Optional[str] = None,
        id: Optional[str] = None,
        tags: Wanted = None,
        properties: Wanted = None,
        version: Union[int, str, None] = None,
        run_id: Optional[str] = None,
        model_framework: Optional[str] = None,
        expand: bool = True,
    ) -> None:
        if id:
            name, _, text = id.rpartition(":")
            version = text
        if not name:
            raise UserErrorException("Name a model: Model(workspace, name) or id='name:version'.")
        document = None
        if version is not None:
            document = asset_versions.one(workspace.transport, _KIND, name, version)
        chosen = matching(
            [document] if document else _versions(workspace, name, version),
            tags,
            properties,
            run_id,
            model_framework,
        )
        if not chosen:
            said = f" in version {version}" if version is not None else ""
            raise WebserviceException(
                f"ModelNotFound: Model with name {name} not found{said} in the workspace.", 404
            )
        self.read(workspace, chosen[0])

    def read(self, workspace: HasTransport, document: Dict[str, object]) -> None:
        """Take the attributes from what the service answered."""
        self.workspace = workspace
        self._document = document
        properties = section(document, "properties")
        kept = texts(properties.get("properties"))
        self.name = asset_versions.named(document)
        self.version = asset_versions.number(document["name"])
        self.id = f"{self.name}:{self.version}"
        self.description = properties.get("description")
        self.tags = texts(properties.get("tags"))
        self._own = {key: each for key, each in kept.items() if key.startswith(OWN)}
        self.properties = {key: each for key, each in kept.items() if key not in self._own}
        self.run_id = run_of(document)
        self.model_framework = kept.get(FRAMEWORK)
        self.model_framework_version = kept.get(FRAMEWORK_VERSION)
        self.created_time = asset_versions.created(document)
        self.created_by = section(document, "systemData").get("createdBy")
        self.url = str(properties.get("modelUri"))
        self.asset_id = str(document["id"])
        self.asset_type = str(properties.get("modelType") or "custom_model")
        self.resource_configuration = ResourceConfiguration.deserialize(
            json.loads(kept.get(RESOURCES) or "{}")
        )
        self.sample_input_dataset = kept.get(SAMPLE_INPUT)
        self.sample_output_dataset = kept.get(SAMPLE_OUTPUT)
        self.datasets = datasets_of(kept)

    @staticmethod
    def register(
        workspace: HasTransport,
        model_path: str,
        model_name: str,
        tags: Wanted = None,
        properties: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        datasets: Optional[Sequence[Tuple[str, object]]] = None,
        model_framework: Optional[str] = None,
        model_framework_version: Optional[str] = None,
        child_paths: Optional[Sequence[str]] = None,
        sample_input_dataset: object = None,
        sample_output_dataset: object = None,
        resource_configuration: Optional[ResourceConfiguration] = None,
    ) -> "Model":
        """Upload a file or folder and register it as the next version of a model."""
        asset_versions.check_name(model_name, "model")
        if child_paths is not None:
            raise not_offered("child_paths", "Register the folder, or each file by itself.")
        if not os.path.exists(model_path):
            raise ModelPathNotFoundException(_NO_PATH.format(model_path))
        datastore = Datastore(workspace)
        uri = datastore.uri(stored(datastore, str(model_path)))
        return register_uri(
            workspace,
            uri,
            model_name,
            tags={key: value or "" for key, value in pairs(tags).items()},
            properties=properties,
            description=description,
            kept=own_properties(
                model_framework,
                model_framework_version,
                resource_configuration,
                datasets,
                sample_input_dataset,
                sample_output_dataset,
            ),
        )

    @staticmethod
    def list(
        workspace: HasTransport,
        name: Optional[str] = None,
        tags: Wanted = None,
        properties: Wanted = None,
        run_id: Optional[str] = None,
        latest: bool = False,
        dataset_id: Optional[str] = None,
        expand: bool = True,
        page_count: int = 255,
        model_framework: Optional[str] = None,
    ) -> "List[Model]":
        """Return the models, newest first; with ``latest``, the newest version of each name."""
        transport = workspace.transport
        names = [name] if name else list(asset_versions.each_name(transport, _KIND))
        kept: List[Dict[str, object]] = []
        for each in names:
            versions = matching(
                _versions(workspace, each, None), tags, properties, run_id, model_framework
            )
            kept += versions[:1] if latest else versions
        models = [_made(workspace, document) for document in kept]
        if dataset_id is not None:
            models = [m for m in models if any(dataset_id in ids for ids in m.datasets.values())]
        return sorted(models, key=lambda model: str(model.created_time), reverse=True)

    @staticmethod
    def get_model_path(
        model_name: str,
        version: Union[int, str, None] = None,
        _workspace: Optional[HasTransport] = None,
    ) -> str:
        """Return the local path of a model's files: where a deployment has them, else downloaded.

        Inside a run the workspace is the run's, if none is given. Raises
        ``ModelPathNotFoundException`` without a workspace to download from.
        """
        root = os.environ.get("AZUREML_MODEL_DIR") or "azureml-models"
        cached = _cached(os.path.join(root, model_name), version)
        if cached:
            return cached
        for find in workspaces:
            _workspace = _workspace or find()
        if _workspace is None:
            raise ModelPathNotFoundException(
                f"There is no model {model_name} below {os.path.abspath(root)}, and no workspace "
                "to download it from; give _workspace."
            )
        model = Model(_workspace, model_name, version=version)
        return model.download(os.path.join(root, model.name, str(model.version)), True)

    def download(
        self, target_dir: str = ".", exist_ok: bool = False, exists_ok: Optional[bool] = None
    ) -> str:
        """Download the model's file or folder into ``target_dir``; return its path there.

        Raises ``WebserviceException`` if it is there, unless ``exist_ok``.
        """
        replace = exist_ok if exists_ok is None else exists_ok
        place = place_of(self.workspace, self.url)
        name = place.path.rstrip("/").rpartition("/")[2] or self.name
        target = os.path.join(str(target_dir), name)
        if os.path.exists(target) and not replace:
            raise WebserviceException(
                f"Target {target} already exists; give exist_ok=True to replace it."
            )
        listed = [
            (name + blob.name[len(place.path.rstrip("/")) :], blob)
            for blob in place.datastore.blobs(place.path)
        ]
        if not listed:
            raise WebserviceException(f"The files of model {self.id} are gone from {self.url}.")
        progress = Progress("Download", len(listed), False)
        transfers.download(place.datastore.container(), listed, str(target_dir), True, progress)
        return target

    def delete(self) -> None:
        """Delete this version; its files stay on the datastore."""
        path = asset_versions.version_path(_KIND, self.name, self.version)
        request(self.workspace.transport, "DELETE", path)

    def update(
        self,
        tags: Optional[Dict[str, str]] = None,
        description: Optional[str] = None,
        sample_input_dataset: object = None,
        sample_output_dataset: object = None,
        resource_configuration: Optional[ResourceConfiguration] = None,
    ) -> None:
        """Replace the tags, the description, or what was not yet given of the rest."""
        kept = own_properties(
            None, None, resource_configuration, None, sample_input_dataset, sample_output_dataset
        )
        changes: Dict[str, object] = {}
        if tags is not None:
            changes["tags"] = texts(tags)
        if description is not None:
            changes["description"] = description
        self._change(changes, kept)

    def add_tags(self, tags: Dict[str, str]) -> None:
        self._change({"tags": dict(self.tags, **texts(tags))}, {})

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Remove tags by name."""
        self._change({"tags": {k: v for k, v in self.tags.items() if k not in tags}}, {})

    def add_properties(self, properties: Dict[str, str]) -> None:
        """Add properties. They are immutable: one that is there keeps its value or is refused."""
        self._change({}, texts(properties))

    def update_tags_properties(
        self,
        add_tags: Optional[Dict[str, str]] = None,
        remove_tags: Optional[Sequence[str]] = None,
        add_properties: Optional[Dict[str, str]] = None,
    ) -> None:
        """Add tags, remove tags, and add properties."""
        tags = {k: v for k, v in self.tags.items() if k not in (remove_tags or ())}
        self._change({"tags": dict(tags, **texts(add_tags))}, texts(add_properties))

    def add_dataset_references(self, datasets: Sequence[Tuple[str, object]]) -> None:
        """Add datasets that the model was made with, each with a word for what they were."""
        key = f"{DATASETS}.{1 + len([k for k in self._own if k.startswith(DATASETS)])}"
        self._change({}, {key: json.dumps(referenced(datasets), sort_keys=True)})

    def get_sas_urls(self) -> None:
        raise not_offered("Model.get_sas_urls", "Use Model.download.")

    def serialize(self) -> Dict[str, object]:
        """Return the model as JSON, under azureml-core's keys."""
        resources = self.resource_configuration
        return {
            "name": self.name,
            "id": self.id,
            "version": self.version,
            "description": self.description,
            "tags": dict(self.tags),
            "properties": dict(self.properties),
            "framework": self.model_framework,
            "frameworkVersion": self.model_framework_version,
            "createdTime": self.created_time.isoformat() if self.created_time else None,
            "createdBy": self.created_by,
            "runId": self.run_id,
            "url": self.url,
            "resourceConfiguration": resources.serialize() if resources else None,
            "datasets": dict(self.datasets),
        }

    @staticmethod
    def deserialize(workspace: HasTransport, model_payload: Dict[str, object]) -> "Model":
        """Return the model that ``serialize`` described."""
        return Model(workspace, id=str(model_payload["id"]))

    def __repr__(self) -> str:
        return f"Model(name={self.name}, id={self.id}, version={self.version}, tags={self.tags})"

    def _change(self, changes: Dict[str, object], properties: Dict[str, str]) -> None:
        transport = self.workspace.transport
        path = asset_versions.version_path(_KIND, self.name, self.version)
        # As it is now: others may have added tags or properties.
        document = found(transport, path) or self._document
        kept = texts(section(document, "properties").get("properties"))
        # What the service keeps as JSON of its own may grow; what a person set may not change.
        wrong = sorted(
            k for k in properties if k in kept and k not in OWN and kept[k] != properties[k]
        )
        if wrong:
            raise WebserviceException(
                f"Properties are immutable; {', '.join(wrong)} of model {self.id} already differ."
            )
        wanted = dict(changes)
        if properties:
            wanted["properties"] = dict(kept, **properties)
        self.read(self.workspace, asset_versions.change(transport, _KIND, document, wanted))


def register_uri(
    workspace: HasTransport,
    uri: str,
    name: str,
    tags: Optional[Dict[str, str]] = None,
    properties: Optional[Dict[str, str]] = None,
    description: Optional[str] = None,
    run_id: Optional[str] = None,
    kept: Optional[Dict[str, str]] = None,
    model_type: str = "custom_model",
) -> Model:
    """Register files that are in storage already, such as an output of a run.

    ``uri`` is a datastore URI. ``run_id`` is the run that made them; ``kept`` is what
    ``own_properties`` returned.
    """
    asset_versions.check_name(name, "model")
    body: Dict[str, object] = {
        "modelUri": uri,
        "modelType": model_type,
        "description": description,
        "tags": texts(tags),
        "properties": dict(texts(properties), **(kept or {})),
    }
    if run_id:
        body["jobName"] = run_id
    return _made(workspace, asset_versions.create(workspace.transport, _KIND, name, body))


def _made(workspace: HasTransport, document: Dict[str, object]) -> Model:
    model = Model.__new__(Model)
    model.read(workspace, document)
    return model


def _versions(
    workspace: HasTransport, name: str, version: Union[int, str, None]
) -> List[Dict[str, object]]:
    return (
        [] if version is not None else asset_versions.all_versions(workspace.transport, _KIND, name)
    )


def _cached(folder: str, version: Union[int, str, None]) -> Optional[str]:
    """Return the path of a model below the folder of its versions, if it is there."""
    if not os.path.isdir(folder):
        return None
    versions = sorted((v for v in os.listdir(folder) if v.isdigit()), key=int)
    wanted = str(version) if version is not None else (versions or [""])[-1]
    if wanted not in versions:
        return None
    inside = os.listdir(os.path.join(folder, wanted))
    # A model is one file or one folder.
    return os.path.join(folder, wanted, inside[0]) if len(inside) == 1 else None


def _not_here(verb: str) -> "staticmethod[..., None]":
    def refuse(*_: object, **__: object) -> None:
        raise not_offered("Model." + verb, _HINT)

    return staticmethod(refuse)


for _verb in ("deploy", "package", "profile", "print_configuration"):
    setattr(Model, _verb, _not_here(_verb))
