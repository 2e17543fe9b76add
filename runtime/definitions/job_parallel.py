"""The parallel steps of CLI v2, as the command that runs their script over mini-batches."""

import re
from collections.abc import Callable
from typing import Final, TypeVar

from infra.contract.errors import UsageError
from runtime.definitions.located import Located
from runtime.definitions.problems import Problems
from runtime.model.parallel import ParallelTask, parallel_command, split_size

_INPUT: Final = re.compile(r"\$\{\{\s*inputs\.(\w+)\s*\}\}")
_OUTPUT: Final = re.compile(r"\$\{\{\s*outputs\.(\w+)\s*\}\}")
_TASKS: Final = ("run_function", "append_row", "function")
_T = TypeVar("_T")


def parallel_document(document: Located, problems: Problems) -> Located:
    """Return a parallel step as a command job: its ``task`` becomes the command.

    The script has ``init()`` and ``run(mini_batch)``; ``append_row_to`` names the output to which
    its rows are appended.
    """
    task = document.get("task")
    if task is None or not task.is_map:
        problems.at_line(document.line, "A parallel step has no `task`.", "Write `task: {…}`.")
        return document
    kind, script = task.get("type"), task.get("entry_script")
    if kind is not None and kind.text not in _TASKS:
        what = f"The task of a parallel step is {kind.text!r}."
        problems.at_line(kind.line, what, "Write `type: run_function`.")
    if script is None:
        problems.at_line(task.line, "A parallel task has no `entry_script`.", "Write it.")
        return document
    made = _checked(lambda: _task(document, task, script.text, problems), task, problems)
    if made is None:
        return document
    arguments = task.get("program_arguments")
    command = " ".join([*parallel_command(made), arguments.text if arguments else ""]).strip()
    entries = {
        **{key: each for key, each in document.entries.items() if key != "task"},
        "command": Located(command, task.line, command),
    }
    for key in ("code", "environment"):
        value = task.get(key)
        if value is not None:
            entries[key] = value
    return Located(entries, document.line)


def _task(document: Located, task: Located, script: str, problems: Problems) -> ParallelTask:
    data, appended = document.get("input_data"), task.get("append_row_to")
    named = _INPUT.fullmatch(data.text.strip()) if data is not None else None
    if named is None:
        line = data.line if data else document.line
        what = "A parallel step has no `input_data`, or one that is no input."
        problems.at_line(line, what, "Write `input_data: ${{inputs.NAME}}`.")
    output = _OUTPUT.fullmatch(appended.text.strip()) if appended is not None else None
    size = document.get("mini_batch_size")
    return ParallelTask(
        entry_script=script,
        inputs=(named[1],) if named else (),
        output=output[1] if output else None,
        mini_batch_size=split_size(size.text if size else None),
        error_threshold=_number(document, ("error_threshold",), -1),
        output_action="append_row" if output else "summary_only",
        process_count_per_node=_number(document, ("max_concurrency_per_instance",), 0) or None,
        run_invocation_timeout_s=_number(document, ("retry_settings", "timeout"), 60),
        run_max_try=_number(document, ("retry_settings", "max_retries"), 2) + 1,
        allowed_failed_count=_number(document, ("mini_batch_error_threshold",), -1),
    )


def _number(document: Located, path: tuple[str, ...], default: int) -> int:
    value = document.get(*path)
    return value.value if value is not None and isinstance(value.value, int) else default


def _checked(make: Callable[[], _T], at: Located, problems: Problems) -> _T | None:
    try:
        return make()
    except UsageError as error:
        problems.at_line(at.line, error.detail, error.remedy)
        return None
