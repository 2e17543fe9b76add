"""Datasets as data assets of a workspace: saved, registered, found. ARM's ``data/{name}``."""

import importlib
import json
from typing import Dict, Iterator, List, Optional, Tuple

from . import asset_versions
from .datastore import Datastore
from .definitions import FILE, PROPERTY, Definition, from_mltable, mltable, parsed, plain_source
from .entries import list_files
from .errors import MissingPackageError, UserErrorException, WebserviceException
from .locations import place_of
from .sources import Source, is_pattern
from .transport import CONFLICT, HasTransport, found, refused, section, segment, texts
from .uploaded import stored

KIND = "data"
_SAVED = "aml-dataset-"
_FOLDER = "azureml/datasets"
_FIRST_ERROR = 400
_BAD_REQUEST = 400


class Registration:
    """A version of a data asset, and the definition of the dataset that it is."""

    def __init__(
        self, workspace: HasTransport, document: Dict[str, object], definition: Definition
    ) -> None:
        properties = section(document, "properties")
        self.workspace = workspace
        self.document = document
        self.definition = definition
        self.name = asset_versions.named(document)
        self.version = asset_versions.number(document["name"])
        self.description = properties.get("description")
        self.tags = texts(properties.get("tags"))
        self.data_type = str(properties.get("dataType"))

    @property
    def id(self) -> str:
        return f"{self.name}:{self.version}"

    @property
    def saved(self) -> bool:
        """Return whether it was saved for a run, and registered by nobody."""
        return self.name.startswith(_SAVED)


def find(workspace: HasTransport, name: str, version: object = "latest") -> Registration:
    """Return a version of a dataset. Raises ``UserErrorException`` if there is none."""
    document = asset_versions.one(workspace.transport, KIND, name, version)
    if document is None:
        known = [each for each in names(workspace) if each != name]
        said = "" if version in (None, "latest") else f" (version: {version})"
        has = f" It has {', '.join(known[:10])}." if known else ""
        raise UserErrorException(
            f'Cannot find dataset registered with name "{name}"{said} in the workspace.{has}'
        )
    return _read(workspace, document)


def find_by_id(workspace: HasTransport, id: str) -> Registration:
    """Return a dataset by its id, ``name:version``."""
    name, _, version = str(id).rpartition(":")
    if not name:
        raise UserErrorException(
            f"{id!r} is not the id of a dataset; here it is its name and version, 'name:version'."
        )
    return find(workspace, name, version)


def names(workspace: HasTransport) -> List[str]:
    """Return the names of the registered datasets."""
    listed = asset_versions.each_name(workspace.transport, KIND)
    return sorted(name for name in listed if not name.startswith(_SAVED))


def latest_of_all(workspace: HasTransport) -> Iterator[Registration]:
    """Yield the newest version of each registered dataset."""
    for name in names(workspace):
        document = asset_versions.one(workspace.transport, KIND, name)
        if document is not None:
            yield _read(workspace, document)


def register(
    workspace: HasTransport,
    definition: Definition,
    name: str,
    description: Optional[str] = None,
    tags: Optional[Dict[str, str]] = None,
    create_new_version: bool = False,
) -> Registration:
    """Register a dataset, its local files uploaded first; return the version.

    The same definition again is the version that is there. Raises ``UserErrorException`` for
    another one, unless ``create_new_version``.
    """
    asset_versions.check_name(name, "dataset")
    remote = on_storage(workspace, definition)
    newest = asset_versions.one(workspace.transport, KIND, name)
    if newest is not None:
        kept = _read(workspace, newest)
        if kept.definition.json() == remote.json():
            return _updated(kept, description, tags)
        if not create_new_version:
            raise UserErrorException(
                f'There is already a dataset registered under name "{name}". Specify '
                "create_new_version=True to register the dataset as a new version."
            )
    return add_version(workspace, remote, name, description, tags)


def add_version(
    workspace: HasTransport,
    definition: Definition,
    name: str,
    description: Optional[str] = None,
    tags: Optional[Dict[str, str]] = None,
) -> Registration:
    """Register a dataset on storage as the next version of a name."""
    asset_versions.check_name(name, "dataset")
    body = asset(workspace, definition)
    body.update(description=description, tags=texts(tags))
    document = asset_versions.create(workspace.transport, KIND, name, body)
    return Registration(workspace, document, definition)


def save(workspace: HasTransport, definition: Definition) -> Registration:
    """Save a dataset that nobody registered, so that a run finds it by its id."""
    remote = on_storage(workspace, definition)
    name = _SAVED + remote.hash
    path = asset_versions.version_path(KIND, name, 1)
    document = found(workspace.transport, path)
    if document is None:
        body = dict(asset(workspace, remote), isAnonymous=True)
        status, document = workspace.transport.arm("PUT", path, {"properties": body})
        if status in (CONFLICT, _BAD_REQUEST):  # somebody saved the same at the same time
            document = found(workspace.transport, path) or document
        elif status >= _FIRST_ERROR:
            raise refused(status, document)
    return Registration(workspace, document, remote)


def on_storage(workspace: HasTransport, definition: Definition) -> Definition:
    """Return the definition with local files replaced by their copies on the default datastore."""
    if all(source["kind"] != "local" for source in definition.sources):
        return definition
    datastore = Datastore(workspace)
    sources: List[Source] = []
    for source in definition.sources:
        if source["kind"] == "local":
            path = stored(datastore, source["path"])
            source = {"kind": "datastore", "datastore": datastore.name, "path": path}  # noqa: PLW2901
        sources.append(source)
    return definition.at(sources)


def asset(workspace: HasTransport, definition: Definition) -> Dict[str, object]:
    """Return the properties of a dataset's data asset; write its ``MLTable`` if it has one."""
    plain = plain_source(definition)
    if plain is not None:
        store = Datastore(workspace, plain["datastore"])
        path = plain["path"]
        single = bool(path) and store.container().head(path) is not None
        kind, uri = "uri_file" if single else "uri_folder", store.uri(path)
    else:
        default = Datastore(workspace)
        uris = {name: Datastore(workspace, name).uri() for name in _stores(definition)}
        listed = _listed(workspace, definition)
        folder = f"{_FOLDER}/{definition.hash}"
        default.container().write(f"{folder}/MLTable", mltable(listed, uris).encode("utf-8"))
        kind, uri = "mltable", default.uri(folder + "/")
    return {"dataType": kind, "dataUri": uri, "properties": {PROPERTY: definition.json()}}


def _listed(workspace: HasTransport, definition: Definition) -> Definition:
    """Return the definition as a table's file says it, folders with a slash at their end.

    MLTable chooses rows, and no files: a choice of files is listed one by one.
    """
    if definition.kind == FILE and definition.steps:
        chosen = list_files(definition.sources, workspace, definition.steps).entries
        return Definition(FILE, [entry.source() for entry in chosen])
    stores = {name: Datastore(workspace, name) for name in _stores(definition)}
    return definition.at([_with_slash(source, stores) for source in definition.sources])


def _stores(definition: Definition) -> List[str]:
    return sorted({each["datastore"] for each in definition.sources if "datastore" in each})


def _with_slash(source: Source, stores: Dict[str, Datastore]) -> Source:
    path = source["path"]
    if "datastore" not in source or is_pattern(path) or path.endswith("/") or not path:
        return source
    is_file = stores[source["datastore"]].container().head(path) is not None
    return source if is_file else dict(source, path=path + "/")


def changed(
    registration: Registration,
    description: Optional[str] = None,
    tags: Optional[Dict[str, str]] = None,
) -> Registration:
    """Change the description, and replace the tags, where they are given."""
    changes: Dict[str, object] = {}
    if description is not None:
        changes["description"] = description
    if tags is not None:
        changes["tags"] = texts(tags)
    transport = registration.workspace.transport
    document = asset_versions.change(transport, KIND, registration.document, changes)
    return Registration(registration.workspace, document, registration.definition)


def remove(workspace: HasTransport, name: str) -> None:
    """Remove all versions of a dataset; its files stay where they are."""
    transport = workspace.transport
    status, answer = transport.arm("DELETE", f"/{KIND}/{segment(name)}")
    if status >= _FIRST_ERROR:
        raise refused(status, answer)


def _updated(
    kept: Registration, description: Optional[str], tags: Optional[Dict[str, str]]
) -> Registration:
    same = description in (None, kept.description) and (tags is None or texts(tags) == kept.tags)
    return kept if same else changed(kept, description, tags)


def _read(workspace: HasTransport, document: Dict[str, object]) -> Registration:
    properties = section(document, "properties")
    own = texts(properties.get("properties")).get(PROPERTY)
    definition = parsed(own) if own else _foreign(workspace, properties)
    return Registration(workspace, document, definition)


def _foreign(workspace: HasTransport, properties: Dict[str, object]) -> Definition:
    """Return the definition of a data asset that another client registered."""
    uri = str(properties.get("dataUri"))
    source, text = _source_and_table(workspace, uri, properties.get("dataType") == "mltable")
    return from_mltable(_yaml(text), source) if text else Definition(FILE, [source])


def _source_and_table(workspace: HasTransport, uri: str, table: bool) -> Tuple[Source, str]:
    if uri.startswith(("http://", "https://")):
        try:
            place = place_of(workspace, uri)
        except UserErrorException:
            return {"kind": "url", "path": uri}, ""
    else:
        place = place_of(workspace, uri)
    source = {"kind": "datastore", "datastore": place.datastore.name, "path": place.path}
    if not table:
        return source, ""
    name = place.path.rstrip("/") + "/MLTable"
    try:
        return source, place.datastore.container().read(name.lstrip("/")).decode("utf-8")
    except WebserviceException as error:
        raise UserErrorException(f"There is no MLTable at {uri}: {error.message}") from error


def _yaml(text: str) -> Dict[str, object]:
    try:
        document = json.loads(text)
    except ValueError:
        try:
            document = importlib.import_module("yaml").safe_load(text)
        except ImportError as error:
            raise MissingPackageError(
                "This dataset's MLTable is YAML; add pyyaml to the packages of the environment."
            ) from error
    return document if isinstance(document, dict) else {}
