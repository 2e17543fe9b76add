"""`aml submit`: one script on one target, watched until it has ended unless told otherwise."""

import re
from pathlib import Path
from typing import Any

import click

from infra.contract.errors import UsageError
from runtime.cli.following import follow, last_lines, print_end, raise_unless_completed
from runtime.cli.render import print_json, print_table, run_document, size
from runtime.cli.session import open_scene
from runtime.definitions.runconfig import (
    RunConfigurationFile,
    argument_list,
    find_run_configuration,
)
from runtime.model.runs import RunSpec
from runtime.submit.collect import collect
from runtime.submit.prepare import choose_environment, script_path
from runtime.submit.session import ProjectSession
from runtime.submit.submitting import Planned, Submitter
from runtime.submit.watch import Pace, Watcher
from runtime.targets.finding import LOCAL

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LINGER_S = 30.0


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("-c", "--configuration", metavar="NAME", help="A run configuration, or a target.")
@click.option("--target", "--ct", metavar="TARGET", help="Where to run; `aml targets` lists them.")
@click.option(
    "-e",
    "--experiment-name",
    "experiment",
    metavar="NAME",
    default="Default",
    show_default=True,
    help="The experiment that the run belongs to.",
)
@click.option("-s", "--stack", metavar="STACK", help="The stack; else the selected one.")
@click.option("--manifest", type=click.Path(path_type=Path), help="Read targets from this file.")
@click.option(
    "--source-directory",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The folder that is sent; the working folder unless given.",
)
@click.option(
    "-d", "--conda-dependencies", "environment", type=click.Path(path_type=Path),
    help="A conda YAML or requirements file; else what the source folder holds.",
)  # fmt: skip
@click.option("--python-version", metavar="X.Y", help="Overrides what the environment says.")
@click.option("--max-duration", metavar="TIME", help="A limit: 90s, 30m, 2h, 1d.")
@click.option("--tag", "tags", metavar="KEY=VALUE", multiple=True, help="May be repeated.")
@click.option("--dry-run", is_flag=True, help="Show target, environment, files and bytes.")
@click.option("--wait/--detach", default=True, help="Watch the run, or leave it going.")
@click.option("--json", "as_json", is_flag=True, help="Print the run as data at the end.")
@click.argument("script", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def submit(**given: Any) -> None:
    """Run SCRIPT with ARGUMENTS on a target. Everything after SCRIPT belongs to it.

    Both may come from the run configuration that -c names (.azureml/NAME.runconfig).
    """
    scene = open_scene(given["stack"], given["manifest"])
    configured = _configuration(given)
    name = _target_name(given, configured)
    scene.targets.require(name)
    spec = _spec(given, name, configured or RunConfigurationFile(Path()))
    submitter = Submitter(scene.home, scene.history)
    if given["dry_run"]:
        _show(submitter.plan(spec), as_json=given["as_json"])
        return
    submitted = submitter.submit(spec, scene.targets.target(name), stack=scene.stack)
    run_id = submitted.run.run_id
    click.echo(f"RunId: {run_id}", err=True)
    if not given["wait"]:
        _left(scene, run_id, as_json=given["as_json"])
        return
    _watched(scene, run_id, as_json=given["as_json"])


def _configuration(given: dict[str, Any]) -> RunConfigurationFile | None:
    """Return the run configuration ``-c`` names; without one of that name it names a target."""
    named = given["configuration"]
    return find_run_configuration(named, given["source_directory"]) if named else None


def _target_name(given: dict[str, Any], configured: RunConfigurationFile | None) -> str:
    if given["target"] and given["configuration"] and configured is None:
        raise UsageError("-c and --target exclude each other.", remedy="Leave one of them out.")
    default = configured.target if configured else given["configuration"]
    return given["target"] or default or LOCAL


def _watched(scene: ProjectSession, run_id: str, *, as_json: bool) -> None:
    target = scene.target_of(scene.history.record(run_id))
    watcher = Watcher(scene.history, pace=Pace(linger_s=0.0 if target.name == LOCAL else _LINGER_S))
    record = follow(watcher.watch({run_id: target}, replay=True), run_id, as_talk=as_json)
    assert record is not None, "watching ends with the run"  # noqa: S101
    collect(scene.history, target, run_id, scene.home)
    record = scene.history.record(run_id)
    print_end(record)
    if as_json:
        print_json(run_document(record))
    raise_unless_completed(record, last_lines(record.outputs))


def _left(scene: ProjectSession, run_id: str, *, as_json: bool) -> None:
    click.echo(f"It goes on without you; follow it with `aml run logs -f {run_id}`.", err=True)
    if as_json:
        print_json(run_document(scene.history.record(run_id)))
    else:
        click.echo(run_id)


def _spec(given: dict[str, Any], target: str, configured: RunConfigurationFile) -> RunSpec:
    """Return the run: what the command line says wins over what the run configuration says."""
    folder: Path = given["source_directory"]
    named = given["script"] or configured.script
    if named is None:
        raise UsageError("There is no script to run.", remedy="Name it: `aml submit SCRIPT`.")
    script = script_path(named, folder)
    environment = None if given["environment"] else configured.environment
    duration = given["max_duration"]
    return RunSpec(
        script=script,
        source_directory=folder,
        target=target,
        experiment=given["experiment"],
        arguments=argument_list(given["arguments"], configured.arguments),
        environment=environment
        or choose_environment(
            folder, target=target, file=given["environment"], python=given["python_version"]
        ),
        variables=configured.variables,
        node_count=configured.node_count,
        max_duration_s=_seconds(duration) if duration else configured.max_duration_s,
        tags=dict(_pair(tag) for tag in given["tags"]),
    )


def _show(planned: Planned, *, as_json: bool) -> None:
    spec, locked = planned.spec, planned.environment
    files = [file.path for file in planned.listing.files]
    environment = locked.hash if locked else "this interpreter"
    if as_json:
        print_json(
            {
                "target": spec.target,
                "experiment": spec.experiment,
                "script": spec.script,
                "environment": environment,
                "files": files,
                "bytes": planned.size,
            }
        )
        return
    source = f" ({spec.environment.source})" if spec.environment else ""
    print_table(
        ("", ""),
        [
            ("target", spec.target),
            ("experiment", spec.experiment),
            ("command", " ".join(["python", spec.script, *spec.arguments])),
            ("environment", f"{environment}{source}"),
            ("files", f"{len(files)}, {size(planned.size)}"),
        ],
    )
    for file in files:
        click.echo(f"  {file}")


def _seconds(text: str) -> int:
    match = re.fullmatch(r"(\d+)([smhd]?)", text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a duration.", remedy="Write 90s, 30m, 2h or 1d.")
    return int(match[1]) * _UNITS[match[2] or "s"]


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise UsageError(f"{text!r} is not a tag.", remedy="Write `--tag KEY=VALUE`.")
    return key, value
