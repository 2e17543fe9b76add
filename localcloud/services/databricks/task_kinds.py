"""The kinds of tasks: what each needs, what is refused, and the command that runs it."""

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.services.databricks.refusals import absent, require_known, unsupported, wrong
from localcloud.services.databricks.storage import Storage, is_notebook

DRIVER: Final = Path(__file__).with_name("driver.py")
_USES_SPARK: Final = re.compile(r"\b(spark|pyspark)\b")
_TASK: Final = (
    "task_key", "depends_on", "description", "existing_cluster_id", "new_cluster", "libraries",
    "timeout_seconds", "environment_key", "run_if", "email_notifications", "notification_settings",
    "webhook_notifications", "health", "disable_auto_optimization",
)  # fmt: skip
_NO_KIND: Final = "Use spark_python_task, notebook_task, python_wheel_task or spark_jar_task."


@dataclass(frozen=True, slots=True)
class Work:
    """A task that can be started. ``submit``: by spark-submit rather than by the driver program."""

    kind: str
    description: Mapping[str, object]
    needs_spark: bool
    submit: tuple[str, ...] = ()
    folder: Path | None = None

    def command(self, python: Path, jars: Sequence[Path], description: Path) -> str:
        """Return the shell command; ``description`` is where the driver reads the task."""
        if self.submit:
            more = ["--jars", ",".join(map(str, jars[1:]))] if jars[1:] else []
            main = [str(jars[0])] if self.kind == "jar" else []
            program = [str(python.with_name("spark-submit")), "--master", "local[*]", *more]
            arguments = self.submit
            if self.kind == "jar":
                program += ["--class", arguments[0]]
                arguments = arguments[1:]
            return shlex.join([*program, *main, *arguments])
        return shlex.join([str(python), "-u", str(DRIVER), str(description)])

    def write(self, description: Path, outcome: Path) -> None:
        """Write the description that the driver reads."""
        document = {**self.description, "outcome": str(outcome)}
        description.write_text(json.dumps(document), encoding="utf-8")


def kind_of_task(task: Document) -> str:
    """Return the name of a task's kind; refuse none, several, and those that are not here."""
    require_known(
        task,
        (*_TASK, *_KINDS),
        dict.fromkeys((name for name in task if name.endswith("_task")), _NO_KIND)
        | {"max_retries": "A submitted run is not retried; submit it again."},
        noun="task",
    )
    if task.get("run_if") not in (None, "ALL_SUCCESS"):
        raise unsupported(f"run_if {task['run_if']}", "Use ALL_SUCCESS.")
    found = [name for name in _KINDS if task.get(name) is not None]
    if len(found) != 1:
        raise wrong(f"The task {task.get('task_key')!r} must have one kind. {_NO_KIND}")
    return found[0]


def work_of(storage: Storage, task: Document) -> Work:
    """Return what to start for a submitted task; Databricks' refusal for what does not exist."""
    kind = next(name for name in _KINDS if task.get(name) is not None)
    return _KINDS[kind](storage, task)


def _file(storage: Storage, path: object) -> Path:
    file = storage.anywhere(str(path))
    if not file.is_file():
        raise absent(f"The file {path}")
    return file


def _parameters(storage: Storage, given: object) -> list[str]:
    values = given if isinstance(given, list) else []
    return [storage.as_local(str(value)) for value in values]


def _script(storage: Storage, task: Document) -> Work:
    given = task["spark_python_task"]
    _require_workspace(given)
    file = _file(storage, given.get("python_file"))
    text = file.read_text(encoding="utf-8", errors="replace")
    description: JsonObject = {
        "kind": "script",
        "file": str(file),
        "parameters": _parameters(storage, given.get("parameters")),
    }
    return Work("script", description, bool(_USES_SPARK.search(text)))


def _notebook(storage: Storage, task: Document) -> Work:
    given = task["notebook_task"]
    _require_workspace(given)
    path = str(given.get("notebook_path"))
    file = storage.workspace(path)
    if not is_notebook(file):
        raise absent(f"The notebook {path}")
    widgets = given.get("base_parameters") or {}
    text = file.read_text(encoding="utf-8", errors="replace")
    description: JsonObject = {
        "kind": "notebook",
        "file": str(file),
        "root": str(storage.root),
        "widgets": {name: storage.as_local(str(value)) for name, value in widgets.items()},
    }
    return Work("notebook", description, bool(_USES_SPARK.search(text)), folder=file.parent)


def _wheel(storage: Storage, task: Document) -> Work:
    given = task["python_wheel_task"]
    named = [
        f"--{k}={storage.as_local(str(v))}"
        for k, v in (given.get("named_parameters") or {}).items()
    ]
    description: JsonObject = {
        "kind": "wheel",
        "package": given.get("package_name"),
        "entry_point": given.get("entry_point"),
        "parameters": _parameters(storage, given.get("parameters")) + named,
    }
    return Work("wheel", description, needs_spark=False)


def _jar(storage: Storage, task: Document) -> Work:
    given = task["spark_jar_task"]
    if not any(library.get("jar") for library in task.get("libraries") or ()):
        raise wrong("A spark_jar_task needs a jar library.")
    arguments = (str(given.get("main_class_name")), *_parameters(storage, given.get("parameters")))
    return Work("jar", {}, needs_spark=True, submit=arguments)


def _submit(storage: Storage, task: Document) -> Work:
    given = _parameters(storage, task["spark_submit_task"].get("parameters"))
    arguments = [str(storage.dbfs(g)) if g.startswith("dbfs:/") else g for g in given]
    return Work("submit", {}, needs_spark=True, submit=tuple(arguments))


def _require_workspace(given: Document) -> None:
    if given.get("source") not in (None, "WORKSPACE"):
        raise unsupported(f"the source {given['source']!r}", "Import the file into the workspace.")


_KINDS: Final[Mapping[str, Callable[[Storage, Document], Work]]] = {
    "spark_python_task": _script,
    "notebook_task": _notebook,
    "python_wheel_task": _wheel,
    "spark_jar_task": _jar,
    "spark_submit_task": _submit,
}
