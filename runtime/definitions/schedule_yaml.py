"""Reads schedules of CLI v2: when, and which pipeline job is started."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from infra.contract.json_types import JsonObject
from infra.contract.load import nearest
from runtime.definitions.keys import Key, check_keys
from runtime.definitions.located import Located
from runtime.definitions.problems import Problems
from runtime.definitions.reading import read_file
from runtime.definitions.settings_given import Setting

_READ: Final = "Read."
KEYS: Final = (
    *(Key(each, "text", _READ) for each in ("$schema", "name", "display_name", "description")),
    *(Key(each, "map", _READ, free=True) for each in ("tags", "properties")),
    Key("trigger", "map", _READ),
    *(
        Key(f"trigger.{each}", "text", _READ)
        for each in ("type", "expression", "start_time", "end_time", "time_zone", "frequency")
    ),
    Key("trigger.interval", "whole number", _READ),
    Key("trigger.schedule", "map", _READ),
    *(
        Key(f"trigger.schedule.{each}", "any", _READ, free=True)
        for each in ("hours", "minutes", "week_days", "weekdays", "month_days")
    ),
    Key("create_job", "text|map", _READ),
    *(
        Key(f"create_job.{each}", "text", _READ)
        for each in ("type", "job", "experiment_name", "display_name", "description", "name")
    ),
    *(
        Key(f"create_job.{each}", "map", _READ, free=True)
        for each in ("inputs", "outputs", "settings", "tags")
    ),
    Key("create_monitor", "map", "Models are not monitored here.", free=True),
)
_TYPES: Final = ("cron", "recurrence")


@dataclass(frozen=True, slots=True)
class ScheduleFile:
    """A schedule: ``trigger`` in the words of the file, the pipeline's file, what is set in it.

    ``lines`` are those of the trigger, by the keys in it, ``""`` for the whole; ``problems`` are
    those of the file.
    """

    name: str | None
    trigger: JsonObject
    job: Path
    settings: Sequence[Setting] = field(default_factory=tuple)
    description: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    problems: Problems = field(default_factory=lambda: Problems(Path()))


def read_schedule(file: Path) -> ScheduleFile:
    """Read a schedule, with its problems. ``DefinitionError`` for a file that is no document."""
    problems = Problems(file)
    document = read_file(file, problems)
    problems.raise_any()
    root = document or Located({}, 1)
    check_keys(root, KEYS, problems, noun="a schedule")
    trigger = root.get("trigger")
    if trigger is None:
        problems.at_line(root.line, "It has no `trigger`.", "Write `trigger: {type: cron, …}`.")
    elif (kind := trigger.get("type")) is None or kind.text not in _TYPES:
        word = kind.text if kind else ""
        hint = nearest(word, dict.fromkeys(_TYPES), noun="type")
        problems.at_line(trigger.line, f"Its trigger is of type {word!r}.", hint)
    job, settings = _job(root, file, problems)
    name, description = root.get("name"), root.get("description")
    plain = trigger.plain() if trigger else {}
    return ScheduleFile(
        name.text if name else None,
        dict(plain) if isinstance(plain, dict) else {},
        job,
        settings,
        description.text if description else "",
        _lines(trigger or root),
        problems,
    )


def _lines(trigger: Located) -> dict[str, int]:
    times = trigger.get("schedule")
    below = times.entries if times is not None else {}
    found = {key: each.line for key, each in {**trigger.entries, **below}.items()}
    return {"": trigger.line, **found}


def _job(root: Located, file: Path, problems: Problems) -> tuple[Path, list[Setting]]:
    """Return the file of the pipeline, and what the schedule sets in it."""
    given = root.get("create_job")
    named = given.get("job") if given is not None and given.is_map else given
    if given is None or named is None or named.is_map:
        line = given.line if given else root.line
        todo = "Write `create_job: ./pipeline.yml`, or `create_job: {type: pipeline, job: FILE}`."
        problems.at_line(line, "It names no job's file.", todo)
        return file, []
    path = file.parent / named.text.removeprefix("file:")
    if not path.is_file():
        problems.at_line(named.line, f"There is no file {named.text!r}.", "Correct the path.")
    settings = []
    for key in ("experiment_name", "display_name", "description"):
        value = given.get(key) if given.is_map else None
        if value is not None:
            settings.append(Setting((key,), value.text))
    inputs = given.get("inputs") if given.is_map else None
    for name, value in inputs.entries.items() if inputs else ():
        if value.is_map:
            what = f"Input {name!r} of `create_job` is a map."
            problems.at_line(value.line, what, "Write it in the job's file.")
        else:
            settings.append(Setting(("inputs", name), value.text))
    return path, settings
