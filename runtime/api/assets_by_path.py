"""Registers data and models by where their files are, under a version that may be given."""

import re
import tempfile
from pathlib import Path
from typing import Final

from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject
from runtime.agent.assets import asset_versions
from runtime.agent.assets.datastore import Datastore
from runtime.agent.assets.transport import section
from runtime.agent.assets.uploaded import stored
from runtime.api.exceptions import azureml_errors
from runtime.api.run import Run
from runtime.api.workspace import Workspace
from runtime.definitions.asset_yaml import AssetFile, AssetKind

__all__: list[str] = []

_FOLDERS: Final = {AssetKind.DATA: "data", AssetKind.MODEL: "models"}
_KEYS: Final = {
    AssetKind.DATA: ("dataType", "dataUri"),
    AssetKind.MODEL: ("modelType", "modelUri"),
}
_OF_RUN: Final = re.compile(
    r"(?:runs:/|azureml://jobs/)(?P<run>[^/]+)/(?:outputs/artifacts/(?:paths/)?)?(?P<path>.+)"
)
_ADDRESSES: Final = {
    AssetKind.DATA: ("https://", "http://", "wasbs://", "abfss://", "azureml://datastores/"),
    AssetKind.MODEL: ("azureml://datastores/",),
}


def register_asset(workspace: Workspace, wanted: AssetFile) -> JsonObject:
    """Register an asset, its local files uploaded first; return the version as ARM has it.

    What is registered already under the version is left as it is, with its tags and description
    replaced. Raises ``UsageError`` if it has other files, or for a path that cannot be used.
    """
    with azureml_errors():
        asset_versions.check_name(wanted.name, _FOLDERS[wanted.kind].removesuffix("s"))
        uri, run_id = _uri(workspace, wanted)
        type_key, uri_key = _KEYS[wanted.kind]
        body: JsonObject = {
            type_key: wanted.type,
            uri_key: uri,
            "description": wanted.description,
            "tags": dict(wanted.tags),
            "properties": dict(wanted.properties),
        } | ({"jobName": run_id} if run_id and wanted.kind is AssetKind.MODEL else {})
        folder, transport = _FOLDERS[wanted.kind], workspace.transport
        if wanted.version is None:
            return asset_versions.create(transport, folder, wanted.name, body)
        known = asset_versions.one(transport, folder, wanted.name, wanted.version)
        if known is None:
            return asset_versions.put(transport, folder, wanted.name, wanted.version, body)
        if section(known, "properties").get(uri_key) != uri:
            raise UsageError(
                f"{wanted.name} has a version {wanted.version} with other files.",
                remedy="Leave the version out for the next one, or give another.",
            )
        changes = {"tags": body["tags"], "description": wanted.description}
        return asset_versions.change(transport, folder, known, changes)


def _uri(workspace: Workspace, wanted: AssetFile) -> tuple[str, str | None]:
    """Return where the files are, and the run that made them if one did."""
    of_run = _OF_RUN.fullmatch(wanted.path)
    if of_run is not None:
        run = Run.get(workspace, of_run["run"])
        return _uploaded_of_run(workspace, run, of_run["path"].strip("/")), run.id
    if wanted.path.startswith(_ADDRESSES[wanted.kind]):
        return wanted.path, None
    if not Path(wanted.path).is_absolute():
        allowed = ", ".join(f"`{each}…`" for each in _ADDRESSES[wanted.kind])
        raise UsageError(
            f"{wanted.path!r} is not a path of {wanted.kind}.",
            remedy=f"Give a local path, {allowed}, or `azureml://jobs/RUN/outputs/artifacts/…`.",
        )
    return _uploaded(workspace, wanted.path), None


def _uploaded(workspace: Workspace, path: str) -> str:
    datastore = Datastore(workspace)
    return datastore.uri(stored(datastore, path))


def _uploaded_of_run(workspace: Workspace, run: Run, path: str) -> str:
    names = [name for name in run.get_file_names() if name == path or name.startswith(f"{path}/")]
    if not names:
        raise UsageError(
            f"Run {run.id} has no file or folder {path!r}.",
            remedy="Its files are: " + (", ".join(run.get_file_names()) or "none") + ".",
        )
    with tempfile.TemporaryDirectory(prefix="aml-asset-") as folder:
        for name in names:
            run.download_file(name, str(Path(folder, name)))
        return _uploaded(workspace, str(Path(folder, path)))
