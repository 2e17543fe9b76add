"""Jobs of CLI v2 that cannot be run yet: their keys are checked, then they are refused by name.

A row for each kind says its keys and what to do instead. What runs a kind takes its row away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NoReturn

from infra.contract.load import nearest
from runtime.definitions.job_keys import COMMAND_JOB
from runtime.definitions.keys import Key, Meaning, Unused, check_keys
from runtime.definitions.located import Located
from runtime.definitions.problems import Problems
from runtime.definitions.reading import read_file
from runtime.definitions.recognition import Kind, Recognized

_OLD: Final = Meaning.REPLACED
_READ: Final = "Read, and checked for its place."


def _keys(
    paths: str, forms: str = "any", *, below: str = "", free: bool = False
) -> tuple[Key, ...]:
    start = f"{below}." if below else ""
    return tuple(Key(f"{start}{path}", forms, _READ, free=free) for path in paths.split())


def _command_keys(*names: str, below: str = "") -> tuple[Key, ...]:
    """Return rows of a command job, and those below them, at another place."""
    start = f"{below}." if below else ""
    return tuple(
        Key(f"{start}{key.path}", key.forms, key.note, key.meaning, key.free)
        for key in COMMAND_JOB
        if key.parts[0] in names
    )


_ANY_JOB: Final = _command_keys(
    *("$schema", "type", "name", "display_name", "experiment_name", "description", "tags"),
    *("properties", "compute", "services", "identity", "is_archived", "status", "id"),
    *("creation_context", "resourceGroup", "notification_setting"),
)
_DATA: Final = _command_keys("inputs", "outputs")
_TRIAL: Final = ("command", "code", "environment", "environment_variables", "distribution")
_STEP_WORDS: Final = (
    "type component command environment code compute inputs outputs distribution resources"
    " limits environment_variables identity services name display_name description tags"
    " properties experiment_name jobs settings trial search_space objective sampling_algorithm"
    " early_termination entry conf py_files jars files archives args input_data"
    " mini_batch_size task retry_settings max_concurrency_per_instance logging_level"
    " mini_batch_error_threshold error_threshold append_row_to partition_keys"
    " environment_version version queue_settings is_deterministic task_type primary_metric"
    " training_data validation_data test_data target_column_name featurization training"
    " forecasting training_parameters sweep log_verbosity $schema base_path dynamic"
    " additional_includes"
)

SWEEP_JOB: Final = (
    *_ANY_JOB,
    *_DATA,
    *_command_keys("resources"),
    *_keys("search_space", "map"),
    *_keys("search_space.*", "map"),
    *_keys("type", "text", below="search_space.*"),
    *_keys("values", "list", below="search_space.*", free=True),
    *_keys("min_value max_value q mu sigma upper", "number", below="search_space.*"),
    *_keys("spec", below="search_space.*", free=True),
    *_keys("objective", "map"),
    *_keys("goal primary_metric", "text", below="objective"),
    *_keys("sampling_algorithm", "text|map"),
    *_keys("type rule logbase", "text", below="sampling_algorithm"),
    *_keys("seed", "whole number", below="sampling_algorithm"),
    *_keys("early_termination", "map"),
    *_keys("type", "text", below="early_termination"),
    *_keys(
        "evaluation_interval delay_evaluation truncation_percentage",
        "whole number",
        below="early_termination",
    ),
    *_keys("slack_factor slack_amount", "number", below="early_termination"),
    *_keys("exclude_finished_jobs", "true or false", below="early_termination"),
    *_keys("limits", "map"),
    *_keys(
        "max_total_trials max_concurrent_trials timeout trial_timeout",
        "whole number",
        below="limits",
    ),
    *_keys("trial", "text|map"),
    *_command_keys(*_TRIAL, "resources", "compute", "inputs", "outputs", below="trial"),
    *_keys("type", "text", below="trial"),
    *_keys("queue_settings", "map", free=True),
    Key("algorithm", "any", "Write `sampling_algorithm: random`.", _OLD),
    Key("max_total_trials", "any", "Write `limits: {max_total_trials: N}`.", _OLD),
    Key("max_concurrent_trials", "any", "Write `limits: {max_concurrent_trials: N}`.", _OLD),
    Key("timeout_minutes", "any", "Write `limits: {timeout: SECONDS}`.", _OLD),
)
"""The keys of a sweep job."""
PIPELINE_JOB: Final = (
    *_ANY_JOB,
    *_keys("inputs outputs", "map", free=True),
    *_keys("jobs", "map"),
    *_keys("jobs.*", "map"),
    *_keys(_STEP_WORDS, below="jobs.*", free=True),
    *_keys("settings", "map"),
    *_keys("default_compute default_datastore on_init on_finalize", "text", below="settings"),
    *_keys(
        "continue_on_step_failure continue_run_on_step_failure force_rerun",
        "true or false",
        below="settings",
    ),
    Key(
        "settings.continue_run_on_failed_optional_input",
        "true or false",
        "A step whose input failed does not run.",
        Meaning.NO_EFFECT,
    ),
    *_keys("component", "text|map", free=True),
    *_keys("version", "text"),
)
"""The keys of a pipeline job; below a step only its own are checked."""
PARALLEL_JOB: Final = (
    *_ANY_JOB,
    *_DATA,
    *_command_keys("environment", "resources", "environment_variables"),
    *_keys(
        "input_data mini_batch_size mini_batch_error_threshold max_concurrency_per_instance"
        " logging_level error_threshold partition_keys"
    ),
    *_keys("retry_settings task", "map", free=True),
)
"""The keys of a parallel job."""
AUTOML_JOB: Final = (
    *_ANY_JOB,
    *_keys("outputs limits resources queue_settings", "map", free=True),
    *_keys("environment", "text|map", free=True),
    *_keys(
        "task primary_metric target_column_name log_verbosity cv_split_column_names"
        " n_cross_validations validation_data_size test_data_size weight_column_name"
    ),
    *_keys(
        "training_data validation_data test_data featurization training forecasting inputs"
        " forecasting_settings training_parameters search_space sweep",
        free=True,
    ),
)
"""The keys of an AutoML job."""


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job that cannot be run: its keys, those it must have, and what to do instead."""

    keys: Sequence[Key]
    required: Sequence[str]
    noun: str
    instead: str


KINDS: Final[Mapping[Kind, JobKind]] = {
    Kind.PARALLEL_JOB: JobKind(
        PARALLEL_JOB,
        ("task",),
        "parallel jobs",
        "Make it a step of a pipeline job, whose steps may be parallel.",
    ),
    Kind.FINE_TUNING_JOB: JobKind(
        (), (), "fine-tuning jobs", "Submit it in Azure, with `az ml job create`."
    ),
    Kind.IMPORT_JOB: JobKind((), (), "import jobs", "Submit it in Azure, with `az ml job create`."),
}
"""The kinds of jobs that are recognised and cannot be run yet."""


_PARENTS: Final[Mapping[Kind, JobKind]] = {
    Kind.SWEEP_JOB: JobKind(SWEEP_JOB, ("trial", "search_space", "objective"), "sweeps", ""),
    Kind.PIPELINE_JOB: JobKind(PIPELINE_JOB, ("jobs",), "pipelines", ""),
    Kind.AUTOML_JOB: JobKind(AUTOML_JOB, ("task",), "searches for a model", ""),
}
"""The kinds of jobs whose runs are below a run of their own."""


def refuse_job(file: Path, found: Recognized) -> NoReturn:
    """Raise ``DefinitionError``: every problem of the file first, then that it cannot be run."""
    kind = KINDS[found.kind]
    problems = Problems(file)
    document = read_file(file, problems)
    if document is not None and kind.keys:
        check_job(document, found.kind, problems)
    what = f"It is {found.kind}, for {found.why}; {kind.noun} cannot be run yet."
    problems.at_line(found.line, what, kind.instead)
    problems.raise_any()
    raise AssertionError("there is a problem, the last one added")


def check_job(document: Located, kind: Kind, problems: Problems) -> tuple[Unused, ...]:
    """Add the problems of a job that is no command job; return keys without effect.

    They are about keys, forms, and what is missing.
    """
    checked = _PARENTS.get(kind) or KINDS[kind]
    unused = check_keys(_without_control_flow(document), checked.keys, problems, noun=str(kind))
    for key in checked.required:
        if document.get(key) is None and not (
            kind is Kind.PIPELINE_JOB and document.get("component")
        ):
            what = f"It is {kind}, and has no `{key}`."
            problems.at_line(document.line, what, f"Write `{key}: …`.")
    if kind is Kind.SWEEP_JOB:
        _check_search_space(document, problems)
    for name, step in (document.get("jobs") or Located({}, 1)).entries.items():
        _check_step(name, step, problems)
    return unused


CONTROL_FLOW: Final[Mapping[str, tuple[str, str]]] = {
    "if_else": ("a condition", "Write a step whose command decides."),
    "do_while": ("a loop", "Write a step whose command repeats."),
    "parallel_for": ("a loop", "Write `type: parallel`, or a `type: sweep` over a choice."),
}
"""The types of steps that only order others: what each is, and what to write instead."""


def _without_control_flow(document: Located) -> Located:
    """Return a job without the steps whose keys nobody reads, as they are refused."""
    jobs = document.get("jobs")
    if jobs is None or not jobs.is_map:
        return document
    kept = {
        name: step
        for name, step in jobs.entries.items()
        if (kind := step.get("type")) is None or kind.text not in CONTROL_FLOW
    }
    return replace(document, value={**document.entries, "jobs": replace(jobs, value=kept)})


_EXPRESSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "choice": ("values",),
    "randint": ("upper",),
    **dict.fromkeys(("uniform", "loguniform"), ("min_value", "max_value")),
    **dict.fromkeys(("quniform", "qloguniform"), ("min_value", "max_value", "q")),
    **dict.fromkeys(("normal", "lognormal"), ("mu", "sigma")),
    **dict.fromkeys(("qnormal", "qlognormal"), ("mu", "sigma", "q")),
}
"""The expressions of a search space, and the keys that each needs."""


def _check_search_space(document: Located, problems: Problems) -> None:
    space = document.get("search_space")
    for name, given in space.entries.items() if space else ():
        kind = given.get("type")
        if kind is None or kind.text not in _EXPRESSIONS:
            word = kind.text if kind else ""
            hint = nearest(word, dict.fromkeys(_EXPRESSIONS), noun="expression")
            line = kind.line if kind else given.line
            problems.at_line(line, f"`search_space.{name}` has the type {word!r}.", hint)
            continue
        for key in _EXPRESSIONS[kind.text]:
            if given.get(key) is None:
                what = f"`search_space.{name}` is {kind.text}, and has no `{key}`."
                problems.at_line(given.line, what, f"Write `{key}: …`.")


_STEP_TYPES: Final[Mapping[str, str]] = {
    "command": "command",
    "sweep": "",
    "pipeline": "jobs",
    "parallel": "task",
    "spark": "entry",
    "automl": "task",
    "import": "",
    "component": "",
    "data_transfer": "",
}
"""The types of a pipeline's steps, and what each has unless it names a component."""


def _check_step(name: str, step: Located, problems: Problems) -> None:
    kind = step.get("type")
    word = kind.text if kind is not None else "command"
    if kind is not None and word not in {*_STEP_TYPES, *CONTROL_FLOW}:
        hint = nearest(word, dict.fromkeys(_STEP_TYPES), noun="type")
        problems.at_line(kind.line, f"Step {name!r} has the type {word!r}.", hint)
    needed = _STEP_TYPES.get(word, "")
    if step.is_map and needed and not (step.get(needed) or step.get("component")):
        what = f"Step {name!r} has neither `{needed}` nor `component`."
        problems.at_line(step.line, what, f"Write `{needed}: …` or `component: …`.")
