"""Reads Spark jobs of CLI v2 as run specs: a PySpark script, its arguments and configuration."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from infra.contract.errors import DefinitionError
from infra.contract.load import nearest
from runtime.definitions.job import JobFile, job_of, read_job_document
from runtime.definitions.job_keys import COMMAND_JOB
from runtime.definitions.keys import Key, Meaning, check_keys
from runtime.definitions.located import Located
from runtime.definitions.problems import Problems, place_of
from runtime.definitions.settings_given import Setting

_NOT_SERVERLESS: Final = "It chooses serverless Spark; a target has its own."
_SHARED: Final = frozenset({
    "$schema", "name", "display_name", "experiment_name", "description", "tags", "properties",
    "compute", "code", "environment", "inputs", "outputs", "limits", "services", "identity",
    "queue_settings", "is_archived", "status", "id", "creation_context", "resourceGroup",
    "notification_setting", "databricks",
})  # fmt: skip
"""The keys that mean what they mean in a command job."""
_FILES: Final[Mapping[str, str]] = {
    "py_files": "spark.submit.pyFiles",
    "jars": "spark.jars",
    "files": "spark.files",
    "archives": "spark.archives",
}
"""The keys that list files, and the setting of Spark that each becomes."""
SPARK_JOB: Final = (
    Key("type", "text", "`spark`."),
    Key("entry", "map", "What runs."),
    Key("entry.file", "text", "The PySpark script, in the folder `code`."),
    Key("entry.class_name", "text",
        "Write `entry: {file: SCRIPT.py}`; the class of a jar runs in a Databricks workspace"
        " (docs/databricks.md).", Meaning.REFUSED),
    Key("args", "text", "The script's arguments, with expressions and optional groups."),
    Key("conf", "map", "Spark's configuration.", free=True),
    Key("py_files", "list", "Modules (.py, .zip, .egg) that driver and executors import from."),
    Key("jars", "list", "Jars for driver and executors."),
    Key("files", "list", "Files in the working folder of each executor."),
    Key("archives", "list", "Archives that are unpacked there."),
    Key("resources", "map", "What serverless Spark would have."),
    Key("resources.instance_type", "text", _NOT_SERVERLESS, Meaning.NO_EFFECT),
    Key("resources.runtime_version", "text", _NOT_SERVERLESS, Meaning.NO_EFFECT),
)  # fmt: skip
"""The keys that only a Spark job has, or that mean something else in one."""
_TOP: Final = (
    *SPARK_JOB,
    *(Key(key.path, "any", key.note, free=True) for key in COMMAND_JOB if key.path in _SHARED),
)
_NOUN: Final = "a Spark job"
_ELSEWHERE: Final = "://"
_NO_ARGUMENTS: Final = "true"


def read_spark_job(file: Path, settings: Sequence[Setting] = ()) -> JobFile:
    """Read a Spark job. Raises ``DefinitionError`` with every problem."""
    problems = Problems(file)
    document = read_job_document(file, problems, settings)
    if document is None:
        problems.raise_any()
        raise DefinitionError("It is empty.", remedy="Write a job.", at=str(file))
    found = spark_job_of(document, file.parent, problems)
    problems.raise_any()
    return found


def spark_job_of(document: Located, folder: Path, problems: Problems) -> JobFile:
    """Return the Spark job that a document is. Problems are added."""
    unused = check_keys(document, _TOP, problems, noun=_NOUN)
    _check_type(document, problems)
    job = _as_command(document, folder, problems)
    code = job.spec.source_directory
    run = replace(
        job.spec,
        command="",
        script=_script(document, code, problems),
        arguments=_arguments(document, job.spec.command, problems),
        framework="PySpark",
        spark={**_configuration(document, problems), **dict(_listed(document, code, problems))},
        origins={**job.spec.origins, **_origins(document, Path(problems.file))},
    )
    return replace(job, spec=run, unused=(*unused, *job.unused))


def _as_command(document: Located, folder: Path, problems: Problems) -> JobFile:
    """Return what the job shares with a command job, whose command is this one's arguments."""
    args = document.get("args")
    command = args if args is not None and args.text.strip() else Located("", 1, _NO_ARGUMENTS)
    kept = {key: value for key, value in document.entries.items() if key in _SHARED}
    shared = Located({**kept, "command": command}, document.line)
    return job_of(shared, folder, problems, noun=_NOUN)


def _check_type(document: Located, problems: Problems) -> None:
    kind = document.get("type")
    if kind is not None and kind.text != "spark":
        problems.at_line(kind.line, f"`type` is {kind.text!r}.", "Write `type: spark`.")


def _script(document: Located, code: Path, problems: Problems) -> str:
    entry, code_given = document.get("entry"), document.get("code")
    if entry is None or not entry.is_map:
        line = entry.line if entry else 1
        problems.at_line(line, "The job has no script.", "Write `entry: {file: SCRIPT.py}`.")
        return ""
    file = entry.get("file")
    if file is None:
        if entry.get("class_name") is None:  # else it is refused with its own reason
            problems.at_line(entry.line, "`entry` has no `file`.", "Write `file: SCRIPT.py`.")
        return ""
    if code_given is None:
        problems.at_line(
            file.line, f"The script {file.text} has no folder.", "Write its folder: `code: ./src`."
        )
    elif code.is_dir() and not (code / file.text).is_file():
        near = dict.fromkeys(each.name for each in sorted(code.glob("*.py")))
        problems.at_line(
            file.line,
            f"There is no script {file.text!r} in `code`.",
            nearest(file.text, near, noun="script"),
        )
    return file.text


def _arguments(document: Located, line: str, problems: Problems) -> tuple[str, ...]:
    """Return the script's arguments; data is a variable in them, which the agent fills in."""
    args = document.get("args")
    if args is None or not args.text.strip():
        return ()
    try:
        return tuple(shlex.split(line))
    except ValueError:
        problems.at_line(args.line, "`args` has a quote without its end.", "Close it.")
        return ()


def _configuration(document: Located, problems: Problems) -> dict[str, str]:
    found: dict[str, str] = {}
    given = document.get("conf")
    for name, value in given.entries.items() if given else ():
        if value.is_map or value.is_list or value.is_null:
            problems.at_line(value.line, f"`conf.{name}` is no text.", f"Write `{name}: VALUE`.")
        else:
            found[name] = value.text
    return found


def _listed(document: Located, code: Path, problems: Problems) -> Iterator[tuple[str, str]]:
    for key, setting in _FILES.items():
        given = document.get(key)
        names = given.items if given else ()
        for each in names:
            name = each.text.partition("#")[0]
            if _ELSEWHERE not in name and code.is_dir() and not (code / name).exists():
                problems.at_line(
                    each.line, f"There is no file {name!r} in `code`.", "Correct its path."
                )
        if names:
            yield setting, ",".join(each.text for each in names)


def _origins(document: Located, file: Path) -> dict[str, str]:
    fields: Mapping[str, tuple[tuple[str, ...], ...]] = {
        "script": (("entry", "file"),),
        "arguments": (("args",),),
        "framework": (("type",), ("entry",)),
        "spark": tuple((key,) for key in (*_FILES, "conf")),
    }
    found = {
        name: next((each for path in paths if (each := document.get(*path))), None)
        for name, paths in fields.items()
    }
    return {name: str(place_of(each.line, file)) for name, each in found.items() if each}
