"""`aml schedule create | list | show | enable | disable | delete`."""

import time
from collections.abc import Mapping
from pathlib import Path

import click

from infra.contract.discovery import find_cloud
from infra.contract.errors import UsageError
from infra.contract.json_types import Document
from infra.contract.project import home_folder
from infra.contract.times import local_text, utc_text
from runtime.cli.option_values import pair
from runtime.cli.parent_files import parent_file
from runtime.cli.pipelines import read
from runtime.cli.render import print_json, print_table, say
from runtime.cli.schedule_triggers import trigger_of
from runtime.cli.session import command_session
from runtime.definitions.schedule_yaml import read_schedule
from runtime.definitions.settings_given import read_settings
from runtime.pipelines.schedules import Schedule, Schedules, create, deleted, enabled
from runtime.pipelines.triggers import (
    Cron,
    DataChange,
    Recurrence,
    Trigger,
    moment_of,
    trigger_text,
)

_NAME = click.argument("name")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_STACK = click.option(
    "-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack."
)


@click.group()
def schedule() -> None:
    """Start pipelines at times, or when data changes.

    The local cloud keeps the time: it has to run (`aml cloud start`). A schedule has its pipeline
    as it was when the schedule was made.
    """


@schedule.command("create")
@click.option("-n", "--name", metavar="NAME", help="Name of the schedule.")
@click.option(
    "-f",
    "--file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Schedule of the Azure ML CLI v2, or a pipeline with one of the options below.",
    required=True,
)
@click.option("--cron", metavar="EXPRESSION", help="Five fields, as in '0 6 * * 1-5'.")
@click.option("--every", metavar="N FREQUENCY", help="Recurrence, such as '15 minute' or '1 day'.")
@click.option("--start-time", metavar="TIME", help="First time, in ISO 8601. Default: now.")
@click.option("--time-zone", metavar="ZONE", help="Time zone. Default: UTC.")
@click.option(
    "--on-change",
    metavar="DATASTORE[/PATH]",
    help="Start when files at this path change; those in folders below it do not count.",
)
@click.option(
    "--polling-interval",
    type=click.IntRange(min=1),
    metavar="MINUTES",
    help="With --on-change: how often to look. Default: 5.",
)
@click.option(
    "--set", "settings", metavar="KEY.KEY=VALUE", multiple=True, help="As in `aml submit`."
)
@click.option(
    "-P", "--parameter", "parameters", metavar="NAME=VALUE", multiple=True, help="A parameter."
)
@click.option(
    "--native/--no-native",
    default=None,
    help="Have Azure ML keep the schedule and drive its pipelines, or this machine. Default: Azure"
    " ML, for computes in Azure and what it does the same.",
)
@_STACK
def create_(
    *,
    name: str | None,
    file: Path,
    cron: str | None,
    every: str | None,
    start_time: str | None,
    time_zone: str | None,
    on_change: str | None,
    polling_interval: int | None,
    settings: tuple[str, ...],
    parameters: tuple[str, ...],
    native: bool | None,
    stack: str | None,
) -> None:
    """Make a schedule of a pipeline. It is checked now, and its code kept as it is."""
    session = command_session(stack)
    timed = {"--start-time": start_time, "--time-zone": time_zone}
    _refuse_without("--cron or --every", cron or every, timed)
    _refuse_without("--on-change", on_change, {"--polling-interval": polling_interval})
    trigger = _given(
        cron,
        every,
        on_change,
        start_time=start_time,
        time_zone=time_zone or "UTC",
        minutes=polling_interval or 5,
    )
    job, description, more = file, "", list(read_settings(settings))
    if trigger is None:
        if parent_file(file) is not None:
            raise UsageError(
                f"{file} is a pipeline, and nothing says when it runs.",
                remedy="Give --cron, --every or --on-change, or the file of a schedule.",
            )
        made = read_schedule(file)
        trigger, job, description = trigger_of(made), made.job, made.description
        name, more = name or made.name, [*made.settings, *more]
    values = dict(pair(each, option="-P", noun="parameter") for each in parameters)
    found = read(job, more, values)
    made_schedule = create(
        session,
        name or job.stem,
        trigger,
        found.pipeline,
        found.options.values,
        description=description,
        native=native,
        problems=found.problems,
        report=say,
    )
    if made_schedule.native:
        say(f"Created schedule {made_schedule.name}; Azure ML keeps it.")
        return
    say(f"Created schedule {made_schedule.name}; next: {_time(made_schedule.next)}.")
    _warn_without_cloud()


@schedule.command("list")
@_JSON
def list_(*, as_json: bool) -> None:
    """List schedules with the time that each is next due."""
    schedules = Schedules(home_folder().absolute())
    found = [schedules.read(name) for name in schedules.names()]
    if as_json:
        print_json([document(each) for each in found])
        return
    if not found:
        say("There are no schedules. Make one with `aml schedule create`.")
        return
    print_table(
        ("SCHEDULE", "TRIGGER", "STATE", "NEXT", "LAST RUN"),
        [
            (
                each.name,
                trigger_text(each.trigger),
                "enabled" if each.enabled else "disabled",
                f"by Azure ML on {each.native}" if each.native else _time(each.next),
                each.problem or each.last_run,
            )
            for each in found
        ],
    )
    _warn_without_cloud()


@schedule.command()
@_NAME
def show(name: str) -> None:
    """Print a schedule."""
    print_json(document(Schedules(home_folder().absolute()).read(name)))


@schedule.command()
@_NAME
@_STACK
def enable(name: str, stack: str | None) -> None:
    """Enable a schedule; it is next due from now on."""
    changed = enabled(command_session(stack), name, is_enabled=True)
    say(f"Enabled schedule {name}; next: {_time(changed.next)}.")


@schedule.command()
@_NAME
@_STACK
def disable(name: str, stack: str | None) -> None:
    """Disable a schedule. Runs that it started continue."""
    enabled(command_session(stack), name, is_enabled=False)
    say(f"Disabled schedule {name}.")


@schedule.command()
@_NAME
@_STACK
def delete(name: str, stack: str | None) -> None:
    """Delete a schedule. Runs that it started continue."""
    deleted(command_session(stack), name)
    say(f"Deleted schedule {name}.")


def document(found: Schedule) -> Document:
    """Return a schedule as data."""
    return {
        "name": found.name,
        "description": found.description,
        "trigger": trigger_text(found.trigger),
        "enabled": found.enabled,
        "next": utc_text(found.next),
        "last_run": found.last_run,
        "problem": found.problem,
        "created": utc_text(found.created),
        "stack": found.stack,
        "native": found.native,
    }


def _given(
    cron: str | None,
    every: str | None,
    on_change: str | None,
    *,
    start_time: str | None,
    time_zone: str,
    minutes: int,
) -> Trigger | None:
    """Return the trigger that the options describe, ``None`` if there is none."""
    if sum(map(bool, (cron, every, on_change))) > 1:
        raise UsageError(
            "--cron, --every and --on-change cannot be combined.", remedy="Give one of them."
        )
    if on_change:
        return _change(on_change, minutes)
    if cron or every:
        begins = moment_of(start_time, time_zone) if start_time else None
        return _times(cron, every or "", begins, time_zone)
    return None


def _refuse_without(needed: str, has_it: str | None, options: Mapping[str, object]) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given and not has_it:
        verb = "needs" if len(given) == 1 else "need"
        raise UsageError(
            f"{' and '.join(given)} {verb} {needed}.",
            remedy="Leave out what does not apply; the file of a schedule has times of its own.",
        )


def _change(on_change: str, minutes: int) -> DataChange:
    store, _, path = on_change.partition("/")
    return DataChange(store, path, minutes)


def _times(cron: str | None, every: str, start: float | None, time_zone: str) -> Trigger:
    """Return the trigger that ``--cron`` or ``--every`` describes."""
    if cron:
        return Cron(cron, start or 0.0, time_zone)
    words = every.lower().removeprefix("every ").split()
    count, frequency = (words[0], words[-1]) if len(words) > 1 else ("1", words[0])
    if not count.isdecimal():
        raise UsageError(f"--every is {every!r}.", remedy="Write it as '15 minute' or '1 day'.")
    return Recurrence(frequency.removesuffix("s"), int(count), start or time.time(), time_zone)


def _time(moment: float | None) -> str:
    return local_text(moment) or "never"


def _warn_without_cloud() -> None:
    if find_cloud(home_folder()) is None:
        say("The local cloud is not running: start it with `aml cloud start`.")
