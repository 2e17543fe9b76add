"""What every target needs for the data of a run: the agent's document, errors, assets by name."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from infra.contract.errors import DefinitionError, UsageError
from infra.contract.json_types import JsonObject
from runtime.agent.assets import registration
from runtime.agent.assets.datastore import Datastore
from runtime.agent.assets.definitions import FILE, Definition, parsed
from runtime.agent.assets.entries import list_files
from runtime.agent.assets.errors import (
    AzureMLException,
    MissingPackageError,
    UserErrorException,
)
from runtime.agent.assets.local_files import remote_path
from runtime.agent.assets.model import Model
from runtime.agent.assets.registration import Registration
from runtime.agent.assets.sources import is_pattern
from runtime.agent.assets.transport import Transport
from runtime.agent.run_data import described
from runtime.model.data import DataInput, DataLocation, DataOutput, names_of_both
from runtime.model.runs import RunSpec

LOCAL: Final = "local"
_LATEST: Final = "latest"
_IN_WORKSPACE: Final = frozenset({"datastore", "asset", "model"})


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace for datastores and datasets: its transport."""

    transport: Transport


@contextmanager
def named_errors(what: str) -> Iterator[None]:
    """Turn the exceptions of datastores and datasets into errors about ``what``."""
    try:
        yield
    except (AzureMLException, MissingPackageError) as error:
        raise DefinitionError(
            f"{what} cannot be used: {error}",
            remedy="Correct it, then submit again; `aml up` deploys the workspace.",
        ) from error
    except OSError as error:
        raise DefinitionError(
            f"{what} cannot be used: {error.strerror} ({error.filename}).",
            remedy="Correct the path, then submit again.",
        ) from error


def data_document(
    inputs: Iterable[DataInput],
    outputs: Iterable[DataOutput],
    registered: Mapping[str, JsonObject] | None = None,
    empty: Container[str] = (),
) -> str:
    """Return what the agent is told of a run's data; ``""`` if there is none.

    ``registered`` has the properties of the assets that the agent registers, by output. ``empty``
    are the inputs that nothing is stored of.
    """
    read = {each.name: _of_input(each) | _given(empty=each.name in empty) for each in inputs}
    written = {
        each.name: _given(place=each.path_on_compute)
        | _registered(each, (registered or {}).get(each.name))
        for each in outputs
    }
    return described(read, written) if read or written else ""


def _of_input(each: DataInput) -> JsonObject:
    fetched = each.location.kind == "url" and each.mechanism != "direct"
    return _given(
        place=each.path_on_compute,
        overwrite=each.overwrite,
        variable=each.variable,
        url=each.location.path if fetched else None,
        copy=each.mechanism == "download" and each.location.kind == "local",
        text=each.mechanism == "direct",
    )


def _registered(each: DataOutput, properties: JsonObject | None) -> JsonObject:
    return {"asset": each.registered_as, "properties": properties} if properties else {}


def _given(**values: str | bool | None) -> JsonObject:
    return {key: value for key, value in values.items() if value}


def uses_workspace(spec: RunSpec) -> list[str]:
    """Return what of a run's data is in a workspace, in words, with the lines that ask for it."""
    read = [
        f"input {each.name!r}{_asked(spec, 'inputs', each.name)}"
        for each in spec.inputs
        if each.location.kind in _IN_WORKSPACE
    ]
    written = [
        f"output {each.name!r}{_asked(spec, 'outputs', each.name)}"
        for each in spec.outputs
        if each.location is None or each.location.kind in _IN_WORKSPACE or each.registered_as
    ]
    return read + written


def _asked(spec: RunSpec, kind: str, name: str) -> str:
    place = spec.origins.get(f"{kind}.{name}")
    return f" ({place})" if place else ""


def check_places(spec: RunSpec) -> None:
    """Raise ``UsageError`` with all that is wrong with a run's data, whatever its target.

    Local inputs must exist, addresses must be of the web, and an output goes to a datastore; that
    of a run on this machine may stay in a folder of it. No name is of an input and of an output.
    """
    problems = [
        f"{_at(spec, 'outputs', name)}An input and an output are both called {name!r}; give one of"
        " them another name."
        for name in names_of_both(spec.inputs, spec.outputs)
    ]
    problems += [
        f"{_at(spec, 'inputs', each.name)}{problem}"
        for each in spec.inputs
        if (problem := _problem(each))
    ]
    kinds = {"datastore", "local"} if spec.target == LOCAL else {"datastore"}
    problems += [
        f"{_at(spec, 'outputs', each.name)}Output {each.name!r} cannot be stored at"
        f" {each.location.path!r}: an output is stored on a datastore."
        for each in spec.outputs
        if each.location is not None and each.location.kind not in kinds
    ]
    if problems:
        raise UsageError(
            "\n".join(problems),
            remedy="Give inputs as an existing path, an http(s) address, a datastore's path or a"
            " registered dataset; outputs as a datastore's path.",
        )


def _problem(each: DataInput) -> str:
    location = each.location
    missing = location.kind == "local" and not Path(location.path).exists()
    if missing and not each.may_be_empty:
        return f"Input {each.name!r}: there is no file or folder {location.path}."
    if location.kind == "url" and urlsplit(location.path).scheme not in {"http", "https"}:
        return f"Input {each.name!r}: {location.path!r} is not an http(s) address."
    if ".." in location.path.split("/") and location.kind == "datastore":
        return f"Input {each.name!r}: {location.path!r} leads out of its datastore."
    return ""


def _at(spec: RunSpec, kind: str, name: str) -> str:
    place = spec.origins.get(f"{kind}.{name}")
    return f"{place}: " if place else ""


def found_asset(workspace: Workspace, location: DataLocation) -> Registration:
    """Return the dataset that a location names: ``name:version`` or ``name@latest``."""
    name, _, version = location.path.replace("@", ":").partition(":")
    return registration.find(workspace, name, version or _LATEST)


def found_model(workspace: Workspace, location: DataLocation) -> Model:
    """Return the model that a location names: ``name:version`` or ``name@latest``."""
    name, _, version = location.path.replace("@", ":").partition(":")
    return Model(workspace, name, version=None if version == _LATEST else version)


def is_looked_up(each: DataInput) -> bool:
    """Return whether ``check_inputs`` looks an input up: what is read from a workspace."""
    if each.location.kind == "datastore":
        return each.mechanism != "direct" and not each.may_be_empty
    return each.location.kind in _IN_WORKSPACE


def check_inputs(spec: RunSpec, workspace: Workspace) -> None:
    """Raise ``DefinitionError`` with all inputs that are not in a workspace, though they should."""
    problems = []
    for each in filter(is_looked_up, spec.inputs):
        try:
            with named_errors(f"{_at(spec, 'inputs', each.name)}Input {each.name!r}"):
                _FIND[each.location.kind](workspace, each.location)
        except DefinitionError as error:
            problems.append(error.detail)
    if problems:
        raise DefinitionError(
            "\n".join(problems),
            remedy="Register or upload it, or correct its name or path, then submit again.",
        )


def _require_stored(workspace: Workspace, location: DataLocation) -> None:
    """Raise ``UserErrorException`` if nothing is stored at a path, or at none like a pattern."""
    store, path = Datastore(workspace, location.datastore), remote_path(location.path)
    if is_pattern(path):
        list_files([{"kind": "datastore", "datastore": store.name, "path": path}], workspace)
    elif not _has(store, path):
        raise UserErrorException(f"there is nothing at datastore {store.name}, path {path!r}.")


def _has(store: Datastore, path: str) -> bool:
    """Return whether there is a file at a path or below it, without listing them all."""
    container = store.container()
    if path and not path.endswith("/") and container.head(path) is not None:
        return True
    below = f"{path.rstrip('/')}/" if path else ""
    return next(iter(container.list(below)), None) is not None


_FIND: Final[Mapping[str, Callable[[Workspace, DataLocation], object]]] = {
    "asset": found_asset,
    "model": found_model,
    "datastore": _require_stored,
}


def made_dataset(output: DataOutput, store: str, place: str) -> Definition:
    """Return the dataset that an output is registered as; ``place`` is its path on ``store``."""
    definition = parsed(output.definition) if output.definition else Definition(FILE, [])
    below = str(definition.reader.get("path_glob") or "")
    path = f"{place}/{below}" if below else f"{place}/"
    return definition.at([{"kind": "datastore", "datastore": store, "path": path}])
