"""The data of a run as inputs and outputs of a command job; local files are uploaded first.

A job's command exports ``AZUREML_DATAREFERENCE_<name>`` with the path that the service fills in,
so that a script finds its data as on every other target.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.contract.json_types import JsonObject
from runtime.agent.assets import registration
from runtime.agent.assets.datastore import Datastore
from runtime.agent.assets.errors import UserErrorException
from runtime.agent.assets.local_files import remote_path
from runtime.agent.assets.transport import Transport
from runtime.agent.assets.uploaded import stored
from runtime.agent.run_data import DATA_VARIABLE
from runtime.model.data import DataInput, DataOutput, data_variable, output_path
from runtime.model.runs import PreparedRun
from runtime.targets.run_places import (
    Workspace,
    data_document,
    found_asset,
    found_model,
    made_dataset,
    named_errors,
)

_NAME: Final = re.compile("[A-Za-z_][A-Za-z0-9_]*")
INPUT_MODES: Final = {"mount": "ReadOnlyMount", "download": "Download", "direct": "Direct"}
_TABLE_MODES: Final = {"mount": "EvalMount", "download": "EvalDownload", "direct": "Direct"}
_OUTPUT_MODES: Final = {"mount": "ReadWriteMount", "upload": "Upload"}


@dataclass(frozen=True, slots=True)
class JobData:
    """The parts of a job's body that are about data. ``exports`` go before the command."""

    inputs: JsonObject = field(default_factory=dict)
    outputs: JsonObject = field(default_factory=dict)
    exports: tuple[str, ...] = ()
    variables: JsonObject = field(default_factory=dict)


def job_data(run: PreparedRun, transport: Transport) -> JobData:
    """Return the data of a run's job: assets are looked up, local files uploaded.

    Raises ``DefinitionError`` for data that cannot be found.
    """
    if not run.spec.inputs and not run.spec.outputs:
        return JobData()
    store = Stores(Workspace(transport))
    inputs, outputs, registered = {}, {}, {}
    exports = []
    empty: set[str] = set()
    for each in run.spec.inputs:
        with named_errors(f"Input {each.name!r}"):
            body, text = _input(each, store)
        if body is None and text is None and each.location.kind != "url":
            empty.add(each.name)
        if body is not None:
            inputs[binding(each.name)] = body
        if text is not None:
            exports.append(f"{data_variable(each.name)}={shlex.quote(text)}")
        elif body is not None:
            exports.append(f"{data_variable(each.name)}=${{{{inputs.{binding(each.name)}}}}}")
    for each_output in run.spec.outputs:
        with named_errors(f"Output {each_output.name!r}"):
            outputs[binding(each_output.name)] = _output(each_output, store, run.run_id)
            if _by_agent(each_output):
                registered[each_output.name] = _asset(each_output, store, run.run_id)
        name = each_output.name
        exports.append(f"{data_variable(name)}=${{{{outputs.{binding(name)}}}}}")
    document = data_document(run.spec.inputs, run.spec.outputs, registered, empty)
    return JobData(inputs, outputs, tuple(exports), {DATA_VARIABLE: document})


def binding(name: str) -> str:
    """Return the name of a job's input; data references may have names that a job's may not."""
    return name if _NAME.fullmatch(name) else f"data_{re.sub('[^A-Za-z0-9_]', '_', name)}"


class Stores:
    """The datastores of a workspace, each looked up once."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._known: dict[str | None, Datastore] = {}

    def store(self, name: str | None) -> Datastore:
        """Return a datastore; for ``None`` the default one."""
        if name not in self._known:
            self._known[name] = Datastore(self.workspace, name)
        return self._known[name]

    def uri(self, name: str | None, path: str) -> str:
        """Return a path as a job has it."""
        return f"azureml://datastores/{self.store(name).name}/paths/{path}"


def _input(each: DataInput, stores: Stores) -> tuple[JsonObject | None, str | None]:
    """Return a job's input, and the text that the script gets in place of its path.

    Neither for what the agent provides: what is on the web, and an empty folder.
    """
    location, direct = each.location, each.mechanism == "direct"
    if location.kind == "url":
        return None, location.path if direct else None
    if location.kind == "asset":
        found = found_asset(stores.workspace, location)
        modes = _TABLE_MODES if found.data_type == "mltable" else INPUT_MODES
        uri = str(found.document["id"])
        body = {"jobInputType": found.data_type, "uri": uri, "mode": modes[each.mechanism]}
        return body, found.id if direct else None
    if location.kind == "model":
        model = found_model(stores.workspace, location)
        body = {"jobInputType": model.asset_type, "uri": model.asset_id}
        return {**body, "mode": INPUT_MODES[each.mechanism]}, model.id if direct else None
    if location.kind == "local":
        path, store = stored(stores.store(None), location.path), None
    else:
        path, store = remote_path(location.path), location.datastore
    uri = stores.uri(store, path)
    if direct:
        return None, uri
    blobs = stores.store(store).blobs(path)
    if not blobs and each.may_be_empty:
        return None, None
    if not blobs:
        raise UserErrorException(f"there is nothing at {uri}.")
    kind = "uri_file" if len(blobs) == 1 and blobs[0].name == path else "uri_folder"
    body = {"jobInputType": kind, "uri": uri, "mode": INPUT_MODES[each.mechanism]}
    return body, None


def _by_agent(each: DataOutput) -> bool:
    """Return whether a job cannot say how an output is registered: as a table, or with tags."""
    return bool(each.registered_as and (each.definition or each.tags))


def _asset(each: DataOutput, stores: Stores, run_id: str) -> JsonObject:
    """Return the properties of the data asset that an output will be."""
    store = stores.store(each.location.datastore if each.location else None)
    definition = made_dataset(each, store.name, remote_path(output_path(each, run_id)))
    made = registration.asset(stores.workspace, definition)
    return {**made, "description": each.description, "tags": dict(each.tags)}


def _output(each: DataOutput, stores: Stores, run_id: str) -> JsonObject:
    store = each.location.datastore if each.location else None
    body: JsonObject = {
        "jobOutputType": "uri_folder",
        "uri": stores.uri(store, remote_path(output_path(each, run_id)) + "/"),
        "mode": _OUTPUT_MODES[each.mechanism],
    }
    if each.registered_as and not _by_agent(each):
        body["assetName"] = each.registered_as
    if each.description:
        body["description"] = each.description
    return body


def prefix(exports: Sequence[str]) -> str:
    """Return the beginning of the command that sets the variables."""
    return "".join(f"{each} " for each in exports)
