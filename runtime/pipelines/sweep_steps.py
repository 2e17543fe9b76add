"""The steps that are sweeps: started as one below the pipeline, and what they leave for others."""

import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.contract.errors import DefinitionError
from infra.contract.json_types import JsonObject
from infra.contract.load import load
from infra.contract.private import private_folder
from runtime.agent.assets.datastore import Datastore
from runtime.agent.assets.local_files import files_in
from runtime.agent.assets.progress import Progress
from runtime.agent.assets.transfers import upload
from runtime.model.data import DataLocation
from runtime.model.pipelines import Step
from runtime.model.runs import RunRecord, RunSpec
from runtime.model.states import RunState
from runtime.pipelines.documents import StepCode
from runtime.pipelines.placing import outputs_of
from runtime.submit.collect import collect
from runtime.submit.notes import silent
from runtime.submit.session import ProjectSession
from runtime.sweeps.project import results_of, submit_sweep
from runtime.sweeps.results import Results
from runtime.sweeps.sweep import from_document
from runtime.targets.run_places import Workspace, named_errors


def submit_step(
    session: ProjectSession,
    step: Step,
    run: RunSpec,
    code: StepCode,
    run_id: str,
    *,
    report: Callable[[str], None],
) -> None:
    """Start the sweep of a step under the step's run id. What it leaves, its children do not.

    Its children have the code that the step had when the pipeline was submitted.
    """
    outputs = tuple(each for each in run.outputs if each.name not in step.leaves)
    document: JsonObject = dict(step.sweep or {})
    sweep = from_document(document)
    submit_sweep(
        session,
        sweep,
        replace(run, outputs=outputs),
        name=run_id,
        at=step.at,
        taken=(code.snapshot, code.git),
        report=report,
    )


def outputs_of_best(
    session: ProjectSession, step: Step, run: RunSpec, record: RunRecord
) -> dict[str, DataLocation]:
    """Return where the outputs are that every child of a sweep writes: those of the best one.

    Only children that completed count, as the others may not have written all. Raises
    ``DefinitionError`` if none of them logged the metric.
    """
    written = {each.name for each in run.outputs} - set(step.leaves)
    if not written:
        return {}
    results = results_of(session.history, record)
    completed = [each for each in results.trials if each.state is RunState.COMPLETED]
    best = _best_of(replace(results, trials=tuple(completed)))
    found = outputs_of(run, best)
    return {name: found[name] for name in written}


def leave(
    session: ProjectSession,
    step: Step,
    record: RunRecord,
    outputs: Mapping[str, DataLocation],
) -> None:
    """Write what a sweep leaves: the metrics of its children, a file of the best one.

    Raises ``DefinitionError`` if no child logged the metric, or the best has no such file.
    """
    results = results_of(session.history, record)
    for name, file in step.leaves.items():
        with TemporaryDirectory() as folder:
            made = Path(folder) / name
            if file:
                _best_file(session, results, file, made)
            else:
                made.write_text(json.dumps(_metrics(session, results)), encoding="utf-8")
            _store(session, name, made, outputs[name])


def _metrics(session: ProjectSession, results: Results) -> dict[str, dict[str, list[float]]]:
    """Return the metrics of every child: the values of each, as the service writes them."""
    found: dict[str, dict[str, list[float]]] = {}
    for trial in results.trials:
        metrics = session.history.record(trial.id).metrics
        found[trial.id] = {key: [value] for key, value in metrics.items()}
    return found


def _best_of(results: Results) -> str:
    best = next((each for each in results.trials if results.best(each) is not None), None)
    if best is None:
        raise DefinitionError(
            f"No child of the sweep logged {results.metric}.",
            remedy="Log the primary metric in the script: `run.log(NAME, VALUE)`.",
        )
    return best.id


def _best_file(session: ProjectSession, results: Results, file: str, made: Path) -> None:
    best = _best_of(results)
    record = session.history.record(best)
    collect(session.history, session.target_of(record), best, session.home, report=silent)
    source = Path(session.history.record(best).outputs or "") / file
    if not source.exists():
        raise DefinitionError(
            f"The best child of the sweep, {best}, has no {file}.",
            remedy="Correct `model_file`, or have the script write it.",
        )
    if source.is_dir():
        shutil.copytree(source, made)
    else:
        shutil.copy(source, made)


def _store(session: ProjectSession, name: str, made: Path, place: DataLocation) -> None:
    """Put a file or folder called ``name`` in the folder of an output."""
    if place.kind == "local":
        target = private_folder(Path(place.path)) / name
        shutil.rmtree(target, ignore_errors=True)
        if made.is_dir():
            shutil.copytree(made, target)
        else:
            shutil.copy(made, target)
        return
    opened = load("runtime.targets.workspace_transport:open_transport", extra="azureml")
    manifest = session.targets.manifest_file
    with (
        closing(opened(session.home, manifest, session.stack)) as transport,
        named_errors(f"Output {name!r}"),
    ):
        store = Datastore(Workspace(transport), place.datastore)
        files = files_in(str(made)) if made.is_dir() else [("", str(made))]
        named = [(f"{place.path}/{name}/{each}".rstrip("/"), path) for each, path in files]
        progress = Progress("Upload", len(named), shown=False)
        upload(store.container(), named, overwrite=True, progress=progress)
