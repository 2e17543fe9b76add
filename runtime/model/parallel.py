"""A step that runs a script over many files or rows: what its driver is told. Pure.

The driver itself, ``aml_parallel_run``, travels with every run beside the in-run ``azureml``
package, so that the step is a command like any other.
"""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from infra.contract.errors import UsageError

DRIVER: Final = "aml_parallel_run"
_SIZE: Final = re.compile(r"(\d+)\s*([kmg]?b)?", re.IGNORECASE)
_UNITS: Final[Mapping[str, int]] = {"b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30}


@dataclass(frozen=True, slots=True)
class ParallelTask:
    """What the driver does, in the words of ``ParallelRunConfig``.

    ``entry_script`` is a path in the source folder. ``inputs`` and ``output`` are names of the
    run's data; ``output_path`` is a folder in the output. ``mini_batch_size`` has ``count`` (files,
    or rows) or ``bytes``. ``error_threshold`` counts items that were not processed, -1 ignores
    them. ``process_count_per_node`` ``None`` is the number of processors.
    """

    entry_script: str
    inputs: tuple[str, ...]
    output: str | None
    output_path: str = ""
    mini_batch_size: Mapping[str, int] | None = None
    error_threshold: int = -1
    output_action: str = "append_row"
    append_row_file_name: str = "parallel_run_step.txt"
    process_count_per_node: int | None = None
    run_invocation_timeout_s: int = 60
    run_max_try: int = 3
    logging_level: str = "INFO"
    allowed_failed_count: int | None = None
    allowed_failed_percent: float | None = None


def parallel_command(task: ParallelTask) -> tuple[str, ...]:
    """Return the command of a step for a shell; the script's arguments are added to it."""
    if task.output_action == "append_row" and not task.output:
        raise UsageError(
            "output_action is append_row, and the step has no output.",
            remedy="Give `output=PipelineData(…)`, or output_action='summary_only'.",
        )
    document = {**asdict(task), "mini_batch_size": dict(task.mini_batch_size or {})}
    return ("python", "-m", DRIVER, shlex.quote(json.dumps(document)))


def split_size(given: object) -> dict[str, int]:
    """Return a ``mini_batch_size``: a number of files or rows, or a size such as ``10MB``."""
    if given is None:
        return {}
    found = _SIZE.fullmatch(str(given).strip())
    if found is None or not int(found[1]):
        raise UsageError(
            f"mini_batch_size is {given!r}.",
            remedy="Give a number of files, such as '10', or a size of rows, such as '1MB'.",
        )
    if found[2] is None:
        return {"count": int(found[1])}
    return {"bytes": int(found[1]) * _UNITS[found[2].lower()]}
