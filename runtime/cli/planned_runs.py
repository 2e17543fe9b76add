"""`aml submit --dry-run`: what a run would be, for a person or as JSON."""

from infra.contract.command_line import shown_command
from infra.contract.json_types import JsonObject
from runtime.cli.defined_runs import environment_text
from runtime.cli.render import print_data, print_json, print_table, say
from runtime.model.data import place_text
from runtime.model.runs import RunSpec
from runtime.snapshots.sizes import size_text
from runtime.submit.costs import Cost, cost_of, unpriced
from runtime.submit.features import process_count
from runtime.submit.session import ProjectSession
from runtime.submit.submitting import Planned

_OF_DATABRICKS = (".ipynb", ".jar", ".whl")


def show_plan(planned: Planned, session: ProjectSession, *, as_json: bool) -> None:
    """Print what a run would be."""
    cost = _cost(planned.spec, session)
    spec, locked = planned.spec, planned.environment
    files = [file.path for file in planned.listing.files]
    environment = locked.hash if locked else environment_text(spec.environment, spec.target)
    if as_json:
        print_json(
            {
                "target": spec.target,
                "experiment": spec.experiment,
                "script": spec.script,
                "command": spec.command,
                "environment": environment,
                **({"image": planned.there} if planned.there else {}),
                **({"built": planned.built} if planned.built else {}),
                "notes": list(locked.notes) if locked else [],
                "inputs": {each.name: place_text(each.location) for each in spec.inputs},
                "outputs": {each.name: place_text(each.location) for each in spec.outputs},
                "nodes": spec.node_count,
                "processes": process_count(spec),
                **_price_document(cost),
                "files": files,
                "bytes": planned.size,
                "left_out": planned.listing.notes,
            }
        )
        return
    source = f" ({spec.environment.source})" if spec.environment and spec.environment.source else ""
    print_table(
        ("", ""),
        [
            ("target", spec.target),
            ("experiment", spec.experiment),
            ("command", _command(spec)),
            ("environment", f"{environment}{source}"),
            *([("built", planned.built)] if planned.built else []),
            *([("image", planned.there.removeprefix("image "))] if planned.there else []),
            *((f"input {each.name}", place_text(each.location)) for each in spec.inputs),
            *((f"output {each.name}", place_text(each.location)) for each in spec.outputs),
            *_processes(spec),
            *([("price", str(cost))] if cost else []),
            ("files", f"{len(files)}, {size_text(planned.size)}"),
        ],
    )
    for file in files:
        print_data(f"  {file}")
    notes = (*planned.notes, *(locked.notes if locked else ()), *planned.listing.notes)
    for note in (*notes, planned.size_note):
        if note:
            say(note)


def _command(spec: RunSpec) -> str:
    """Return what runs; a notebook, a jar or a wheel is Databricks' own task, without Python."""
    python = () if spec.script.lower().endswith(_OF_DATABRICKS) else ("python",)
    return spec.command or shown_command([*python, spec.script, *spec.arguments])


def _cost(spec: RunSpec, session: ProjectSession) -> Cost | str:
    """Return what a run on Azure costs at most, or why that is not known; ``""`` for others."""
    billed = session.targets.billed(spec.target)
    if billed is None:
        return ""
    size, region, _ = billed
    kind = session.targets.kind(spec.target)
    return cost_of(spec, size, region, kind) or unpriced(spec, size, region, kind)


def _price_document(cost: Cost | str) -> JsonObject:
    if isinstance(cost, Cost):
        return {"price": cost.document()}
    return {"price": None, "price_unknown": cost} if cost else {}


def _processes(spec: RunSpec) -> list[tuple[str, str]]:
    """Return the row of a run with several processes."""
    count, nodes = process_count(spec), spec.node_count
    on = f" on {nodes} nodes" if nodes > 1 else ""
    return [("processes", f"{count}{on}")] if count > 1 else []
