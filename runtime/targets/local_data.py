"""The data of a local run: inputs fetched before its script starts, outputs stored after it.

Works in the run's own process, through the workspace that its stack deployed. What is on this
machine is read where it is.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from infra.contract.errors import DefinitionError, PlatformError
from infra.contract.load import load
from infra.contract.private import private_folder
from runtime.agent.assets import registration, transfers
from runtime.agent.assets.datastore import Datastore
from runtime.agent.assets.definitions import FILE
from runtime.agent.assets.entries import Listing, fetch, list_files
from runtime.agent.assets.local_files import files_in, remote_path
from runtime.agent.assets.locations import place_of
from runtime.agent.assets.progress import Progress
from runtime.agent.run_data import DATA_VARIABLE
from runtime.model.data import DataInput, DataOutput, data_variable, output_path
from runtime.targets.run_folder import RunFolder, Task
from runtime.targets.run_places import (
    Workspace,
    data_document,
    found_asset,
    found_model,
    made_dataset,
    named_errors,
)

_INPUTS: Final = "inputs"
_OUTPUTS: Final = "named_outputs"
Step = Callable[[str, str], None]
"""Records a step of the run, with a sentence about it."""


class LocalData:
    """The data of one local run. ``home`` is the ``.aml`` folder."""

    def __init__(self, task: Task, folder: RunFolder, home: Path) -> None:
        self._task = task
        self._folder = folder
        self._home = home

    def prepare(self, step: Step) -> dict[str, str]:
        """Fetch the inputs; return the variables that the agent needs for the run's data.

        Raises ``PlatformError`` that names the input.
        """
        if not self._task.inputs and not self._task.outputs:
            return {}
        variables = {DATA_VARIABLE: data_document(self._task.inputs, self._task.outputs)}
        with self._workspace() as workspace:
            for each in self._task.inputs:
                with named_errors(f"Input {each.name!r}"):
                    found = self._input(each, workspace, step)
                if found:
                    variables[data_variable(each.name)] = found
        for output in self._task.outputs:
            variables[data_variable(output.name)] = str(self._written(output))
        return variables

    def store(self, completed: bool) -> str:  # noqa: FBT001 - called with it alone
        """Upload the outputs, and register them if the script completed; return what failed."""
        if not self._task.outputs:
            return ""
        try:
            with self._workspace() as workspace:
                for output in filter(_is_stored, self._task.outputs):
                    with named_errors(f"Output {output.name!r}"):
                        self._store(output, workspace(), completed=completed)
        except PlatformError as error:
            return f"{error.detail}\n{error.remedy}"
        return ""

    def summary(self) -> str:
        """Return where the outputs are, as the end of a sentence."""
        stored = (f"output {each.name} at {self._place(each)}" for each in self._task.outputs)
        return "".join(f", {each}" for each in stored)

    def _input(self, each: DataInput, workspace: Callable[[], Workspace], step: Step) -> str | None:
        """Return the path of an input's content, or its text; ``None`` if the agent fetches it."""
        location, direct = each.location, each.mechanism == "direct"
        if location.kind == "url":
            return location.path if direct else None
        if location.kind == "local":
            return self._here(each)
        if location.kind == "asset":
            found = found_asset(workspace(), location)
            if direct:
                return found.id
            definition = found.definition
            steps = definition.steps if definition.kind == FILE else ()
            listing = list_files(definition.sources, found.workspace, steps)
            return self._fetched(each, listing, step, single=found.data_type == "uri_file")
        if location.kind == "model":
            place = place_of(workspace(), found_model(workspace(), location).url)
            store, path = place.datastore, place.path.rstrip("/")
        else:
            store = Datastore(workspace(), location.datastore)
            path = remote_path(location.path)
        if direct:
            return f"azureml://datastores/{store.name}/paths/{path}"
        source = {"kind": "datastore", "datastore": store.name, "path": path}
        listing = list_files([source], store.workspace, may_be_empty=each.may_be_empty)
        single = len(listing.entries) == 1 and listing.entries[0].path == path
        return self._fetched(each, listing, step, single=single)

    def _here(self, each: DataInput) -> str:
        """Return the path of what is on this machine, or of an empty folder in its place."""
        path = each.location.path
        if Path(path).exists():
            return path
        if each.may_be_empty:
            return str(private_folder(self._folder.path / _INPUTS / each.name))
        raise FileNotFoundError(2, "No such file or folder", path)

    def _fetched(self, each: DataInput, listing: Listing, step: Step, *, single: bool) -> str:
        """Download files to a folder of the run's; return its path, or that of the only file."""
        target = self._folder.path / _INPUTS / each.name
        private_folder(target)
        try:
            paths = fetch(listing, str(target))
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
        step("download", f"input {each.name}: {len(paths)} files")
        return paths[0] if single and len(paths) == 1 else str(target)

    def _place(self, output: DataOutput) -> str:
        path = output_path(output, self._task.run_id)
        return f"{_store_name(output)}/{path}" if _is_stored(output) else path

    def _written(self, output: DataOutput) -> Path:
        """Return the folder that the script writes: one that stays where it is, if it was given."""
        if output.location is not None and not _is_stored(output):
            return private_folder(Path(output.location.path))
        return private_folder(self._folder.path / _OUTPUTS / output.name)

    def _store(self, output: DataOutput, workspace: Workspace, *, completed: bool) -> None:
        store = Datastore(workspace, output.location.datastore if output.location else None)
        place = remote_path(output_path(output, self._task.run_id))
        files = files_in(str(self._written(output)))
        named = [(f"{place}/{name}".lstrip("/"), path) for name, path in files]
        silent = Progress("Upload", len(named), shown=False)
        transfers.upload(store.container(), named, overwrite=True, progress=silent)
        if not output.registered_as or not completed:
            return
        if not files:
            raise DefinitionError(
                f"Output {output.name!r} is empty, so that it cannot be registered as"
                f" {output.registered_as!r}.",
                remedy="Write files to its folder; the script finds it in"
                f" ${data_variable(output.name)}.",
            )
        definition = made_dataset(output, store.name, place)
        registration.add_version(
            workspace, definition, output.registered_as, output.description, dict(output.tags)
        )

    @contextmanager
    def _workspace(self) -> Iterator[Callable[[], Workspace]]:
        """Yield a function that returns the workspace; connections are opened when it is called."""
        opened: list[Workspace] = []
        closers: list[Callable[[], None]] = []

        def workspace() -> Workspace:
            if not opened:
                make = load("runtime.targets.workspace_transport:open_transport", extra="azureml")
                made = make(self._home, Path(self._task.manifest), self._task.stack)
                opened.append(Workspace(made))
                closers.append(made.close)
            return opened[0]

        try:
            yield workspace
        finally:
            for close in closers:
                close()


def _is_stored(output: DataOutput) -> bool:
    """Return whether an output is copied to a datastore when the script has ended."""
    return output.location is None or output.location.kind != "local"


def _store_name(output: DataOutput) -> str:
    return (output.location and output.location.datastore) or "the default datastore"
