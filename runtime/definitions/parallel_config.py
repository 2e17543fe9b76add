"""Reads the `parallel_run_config` of a step: a map, or the file that azureml-core saves one to."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from infra.contract.errors import DefinitionError
from runtime.definitions import pipeline_values as values
from runtime.definitions.keys import check_keys
from runtime.definitions.located import Located
from runtime.definitions.pipeline_keys import PARALLEL, PARALLEL_KEYS
from runtime.definitions.problems import Problems
from runtime.definitions.reading import read_file
from runtime.definitions.runconfig import settings_of
from runtime.model.environments import EnvironmentSpec
from runtime.model.parallel import ParallelTask, split_size

_EMPTY: Final = Located({}, 1)


@dataclass(frozen=True)
class ParallelConfig:
    """How the script of a ParallelRunStep is run; ``given`` has the keys that are not null."""

    given: Located = _EMPTY
    file: Path = Path()
    environment: EnvironmentSpec | None = None
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def entry_script(self) -> str | None:
        return values.text(self.given, "entry_script")

    @property
    def node_count(self) -> int:
        return values.number(self.given, "node_count", 1)

    def around(self, step: Located) -> Located:
        """Return a step with the source folder and the compute that are set here alone."""
        compute = self.given.get("compute_target_name")
        source = self.given.get("source_directory")
        entries = dict(step.entries)
        if source is not None:
            entries["source_directory"] = source
        if compute is not None and "compute" not in entries:
            entries["compute"] = compute
        return Located(entries, step.line)

    def task(self, inputs: tuple[str, ...], output: str | None) -> ParallelTask:
        """Return what the driver does, with the names of the step's data."""
        given = self.given
        percent = given.get("allowed_failed_percent")
        return ParallelTask(
            entry_script=self.entry_script or "",
            inputs=inputs,
            output=output,
            mini_batch_size=split_size(values.text(given, "mini_batch_size")),
            error_threshold=values.number(given, "error_threshold", -1),
            output_action=values.text(given, "output_action") or "append_row",
            append_row_file_name=values.text(given, "append_row_file_name")
            or "parallel_run_step.txt",
            process_count_per_node=values.number(given, "process_count_per_node", 0) or None,
            run_invocation_timeout_s=values.number(given, "run_invocation_timeout", 60),
            run_max_try=values.number(given, "run_max_try", 3),
            logging_level=values.text(given, "logging_level") or "INFO",
            allowed_failed_count=values.number(given, "allowed_failed_count", -1)
            if given.get("allowed_failed_count")
            else None,
            allowed_failed_percent=float(percent.text) if percent else None,
        )


def read_parallel_config(given: Located | None, file: Path) -> ParallelConfig:
    """Return the settings of a step in ``file``: a map, or the path of another file from there.

    Raises ``DefinitionError`` with everything that is wrong with them.
    """
    if given is None:
        return ParallelConfig()
    place, document = file, Located({PARALLEL: given}, given.line)
    if not given.is_map:
        place = file.parent / given.text
        found = read_file(place, Problems(place))
        document = found if found is not None else _EMPTY
    problems = Problems(place)
    check_keys(document, PARALLEL_KEYS, problems, noun="a parallel run configuration")
    problems.raise_any()
    config = document.get(PARALLEL) or _EMPTY
    known = Located({k: v for k, v in config.entries.items() if not v.is_null}, config.line)
    if (keys := known.get("partition_keys")) is not None and keys.items:
        raise DefinitionError(
            "It has partition_keys: mini-batches are made by size.",
            remedy="Leave partition_keys out, and give mini_batch_size.",
            at=f"{place}:{keys.line}",
        )
    variables = known.get("environment_variables") or _EMPTY
    return ParallelConfig(
        known,
        place,
        _environment(known, place),
        {name: values.value_text(each) for name, each in variables.entries.items()},
    )


def _environment(config: Located, file: Path) -> EnvironmentSpec | None:
    named = values.text(config, "environment_name")
    if named:
        return EnvironmentSpec("registered", name=named, source=str(file))
    given = config.get("environment")
    if given is None:
        return None
    plain = given.plain() if given.is_map else given.text
    return settings_of({"environment": plain}, file, file.parent).environment
