"""Downloads the outputs of a run from the datastores on which they were stored."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from infra.contract.errors import UnknownNameError
from infra.contract.load import load, nearest
from runtime.agent.assets.datastore import Datastore
from runtime.agent.assets.entries import fetch, list_files
from runtime.model.data import DataOutput, output_path
from runtime.submit.kept_specs import kept_spec
from runtime.submit.session import ProjectSession
from runtime.targets.run_places import Workspace, named_errors


def outputs_of(session: ProjectSession, run_id: str, name: str | None) -> Sequence[DataOutput]:
    """Return the outputs of a run, or the one called ``name``.

    Raises ``UnknownNameError`` for a name that the run does not have.
    """
    outputs = {each.name: each for each in kept_spec(session.home, run_id).outputs}
    if name is None:
        return list(outputs.values())
    if name not in outputs:
        raise UnknownNameError(
            f"Run {run_id} has no output {name!r}.", remedy=nearest(name, outputs, noun="output")
        )
    return [outputs[name]]


def download_outputs(
    session: ProjectSession, run_id: str, outputs: Sequence[DataOutput], into: Path
) -> Sequence[Path]:
    """Copy outputs to ``<into>/<name>`` and return the files.

    Raises ``DefinitionError`` for one of which nothing is stored.
    """
    files: list[Path] = []
    opened = load("runtime.targets.workspace_transport:open_transport", extra="azureml")
    with closing(opened(session.home, session.targets.manifest_file, session.stack)) as transport:
        workspace = Workspace(transport)
        for output in outputs:
            with named_errors(f"Output {output.name!r}"):
                store = Datastore(workspace, output.location.datastore if output.location else None)
                path = output_path(output, run_id)
                source = {"kind": "datastore", "datastore": store.name, "path": f"{path}/"}
                found = fetch(list_files([source], workspace), str(into / output.name))
            files += map(Path, found)
    return files
