"""Where the data between steps is: a folder of the pipeline's run, or the workspace's storage.

A step on this machine writes to the parent's folder, which needs no workspace. A step on a cluster
writes to ``azureml/<its run>/<output>`` on the workspace's default datastore. Pure.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from runtime.model.data import DataInput, DataLocation, DataOutput, output_path
from runtime.model.pipelines import Pipeline, Source, Step
from runtime.model.runs import RunSpec
from runtime.submit.abilities import LOCAL

DATA: Final = "data"
"""The folder of the data between steps, in the folder of the pipeline's run."""
RUN_ID: Final = "{run-id}"
KindOf = Callable[[str], str]
"""Returns the kind of a target."""


def placed(step: Step, folder: Path, kind_of: KindOf) -> RunSpec:
    """Return the run of a step with its outputs where they belong; ``folder`` is the parent's."""
    run = step.run
    if not run.outputs or kind_of(run.target) != LOCAL:
        return run
    own = folder / DATA / _folder_name(step.name)
    # Each run of a sweep writes an output of its own; the driver of the sweep fills in which.
    trial = own if step.sweep is None else own / RUN_ID
    outputs = tuple(
        _kept_here(each, own if each.name in step.leaves else trial) for each in run.outputs
    )
    return replace(run, outputs=outputs)


def _folder_name(name: str) -> str:
    """Return the name of a step as that of one folder: people may call a step `../a`."""
    return name.replace("/", "%2F") if name.strip(".") else name.replace(".", "%2E")


def _kept_here(output: DataOutput, folder: Path) -> DataOutput:
    if output.location is not None or output.registered_as:
        return output  # somebody named the place, or the workspace is to know it
    return replace(output, location=DataLocation("local", str(folder / output.name)))


def outputs_of(run: RunSpec, run_id: str) -> dict[str, DataLocation]:
    """Return where the outputs of a run are, for those who read them."""
    return {each.name: _place(each, run_id) for each in run.outputs}


def _place(output: DataOutput, run_id: str) -> DataLocation:
    if output.location is not None and output.location.kind == "local":
        path = output.location.path.replace(RUN_ID, run_id)
        return replace(output.location, path=path)
    store = output.location.datastore if output.location else None
    path = output_path(output, run_id).rstrip("/")
    return DataLocation("datastore", f"{path}/{output.file}" if output.file else path, store)


def bound(
    step: Step,
    run: RunSpec,
    outputs: Mapping[str, Mapping[str, DataLocation]],
    has_data: Callable[[DataLocation], bool],
) -> RunSpec:
    """Return a run that reads what other steps wrote; ``outputs`` are theirs, by step.

    A step may leave a folder empty: many pipelines pass data only to say which step is first.
    """
    if not step.reads:
        return run

    def located(each: DataInput) -> DataInput:
        source = step.reads.get(each.name)
        if source is None:
            return each
        place = read_place(source, outputs)
        if source.or_all and source.path and not has_data(place):
            place = outputs[source.step][source.output]
        return replace(each, location=place, may_be_empty=not source.is_file)

    return replace(run, inputs=tuple(map(located, run.inputs)))


def read_place(source: Source, outputs: Mapping[str, Mapping[str, DataLocation]]) -> DataLocation:
    """Return where the output of a step is, or a file in it."""
    place = outputs[source.step][source.output]
    if not source.path:
        return place
    return replace(place, path=f"{place.path.rstrip('/')}/{source.path.lstrip('/')}")


def unread(step: Step, run: RunSpec, written: Collection[str] = ()) -> RunSpec:
    """Return a run without the inputs that other steps or parameters provide, to check the rest.

    ``written`` names inputs that need not be there before the pipeline starts.
    """
    made = {*step.reads, *written}
    return replace(run, inputs=tuple(each for each in run.inputs if each.name not in made))


def written_before(pipeline: Pipeline) -> Mapping[str, frozenset[str]]:
    """Return the inputs of each step that a step before it writes at a place, or registers.

    Such an input is a place on a datastore or a dataset, not the output of a step: only ``after``
    says that it is made first.
    """
    writers = [
        (each.name, output)
        for each in pipeline.steps
        for output in each.run.outputs
        if output.registered_as or output.location is not None
    ]
    if not writers:
        return {}
    upstream = {each.name: each.upstream for each in pipeline.steps}
    found = {}
    for step in pipeline.steps:
        makers = {
            each.name: {name for name, output in writers if _makes(output, each.location)}
            for each in step.run.inputs
            if each.name not in step.reads
        }
        if any(makers.values()):
            before = _ancestors(step.name, upstream)
            found[step.name] = frozenset(name for name, by in makers.items() if by & before)
    return found


def _makes(output: DataOutput, wanted: DataLocation) -> bool:
    """Return whether an output is written to a place that is read, or registered as it."""
    if wanted.kind == "asset":
        return output.registered_as == wanted.path.replace("@", ":").partition(":")[0]
    place = output.location
    if wanted.kind != "datastore" or place is None or place.kind != "datastore":
        return False
    path = f"{place.path}/{output.file}".strip("/")
    return bool(path) and RUN_ID not in path and _overlap(replace(place, path=path), wanted)


def _overlap(one: DataLocation, other: DataLocation) -> bool:
    """Return whether one place is the other, is in it, or holds it."""
    parts = PurePosixPath(one.path.strip("/")).parts, PurePosixPath(other.path.strip("/")).parts
    shared = min(map(len, parts))
    return one.datastore == other.datastore and parts[0][:shared] == parts[1][:shared]


def _ancestors(name: str, upstream: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(upstream[name])
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += upstream.get(each, ())
    return found
