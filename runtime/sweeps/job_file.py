"""Reads sweep jobs of CLI v2: the sweep, and the command job that its trials are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from infra.contract.json_types import JsonObject
from infra.contract.load import nearest
from runtime.definitions.job import JobFile, job_of, read_job_document
from runtime.definitions.job_kinds import check_job
from runtime.definitions.keys import Unused
from runtime.definitions.located import Located
from runtime.definitions.problems import Problems
from runtime.definitions.recognition import Kind
from runtime.definitions.settings_given import Setting
from runtime.definitions.sweep_nodes import trial_limits
from runtime.sweeps.hdconfig import check_policy_keys, plain_values, policy_of
from runtime.sweeps.space import EXPRESSIONS, FORMS, Expression, Space, Value, problem
from runtime.sweeps.sweep import (
    GOALS,
    LONGEST_S,
    MOST_RUNS,
    NO_METRIC,
    NO_PARAMETERS,
    POLICIES,
    SAMPLINGS,
    Policy,
    Sweep,
    in_words_of_jobs,
    to_document,
)

_OF_THE_SWEEP: Final = frozenset(
    {
        *("$schema", "type", "trial", "search_space", "objective", "sampling_algorithm"),
        *("early_termination", "limits", "queue_settings"),
    }
)
_SOBOL: Final = "sobol"


@dataclass(frozen=True, slots=True)
class SweepJob:
    """A sweep job. ``trial`` is a command job whose expressions of the search space are kept."""

    sweep: Sweep
    trial: JobFile


def read_sweep_job(file: Path, settings: Sequence[Setting] = ()) -> SweepJob:
    """Read a sweep job. Raises ``DefinitionError`` with every problem."""
    problems = Problems(file)
    document = read_job_document(file, problems, settings)
    if document is None:
        problems.raise_any()
        raise AssertionError("there is a problem: the document cannot be read")
    unused = check_job(document, Kind.SWEEP_JOB, problems)
    sweep = _Reading(document, problems).sweep()
    trial = _trial(document, problems)
    searched = document.get("search_space")
    # Also those with problems of their own: the trial is right to use them.
    names = tuple(searched.entries) if searched is not None else ()
    job = job_of(trial, file.parent, problems, names)
    _check_used(trial, sweep.space, problems)
    _check_sweep(sweep, document, problems)
    problems.raise_any()
    no_effect = [
        *unused,
        *job.unused,
        *_no_effect(document),
    ]
    return SweepJob(sweep, replace(job, unused=tuple(no_effect)))


def swept_step(
    document: Located, problems: Problems
) -> tuple[JsonObject, tuple[Unused, ...]] | None:
    """Return what a step of a pipeline job searches, as JSON, and its keys without effect.

    ``None`` if it has problems, which are added. Its trial is read elsewhere.
    """
    before = len(problems.found)
    own = {key: value for key, value in document.entries.items() if key in _OF_THE_SWEEP}
    trial = own.get("trial")
    if trial is not None and trial.is_map:
        own["trial"] = Located("", trial.line)
    check_job(Located(own, document.line), Kind.SWEEP_JOB, problems)
    sweep = _Reading(document, problems).sweep()
    _check_sweep(sweep, document, problems)
    if len(problems.found) > before:
        return None
    return to_document(sweep), tuple(_no_effect(document))


def _check_sweep(sweep: Sweep, document: Located, problems: Problems) -> None:
    """Add what is wrong with a sweep, but for what is known of those with other problems."""
    sound = {name: each for name, each in sweep.space.items() if not problem(each)}
    known = {NO_PARAMETERS, NO_METRIC} if problems.found else set()
    for each in replace(sweep, space=sound).problems():
        if each not in known:
            problems.at_line(_line(document, each), in_words_of_jobs(each), "Correct it.")


def _no_effect(document: Located) -> list[Unused]:
    queue = document.get("queue_settings")
    return [Unused("queue_settings", queue.line, "There are no queues here.")] if queue else []


def _trial(document: Located, problems: Problems) -> Located:
    """Return the command job of one trial: its own keys, and those of the sweep."""
    trial = document.get("trial")
    if trial is not None and not trial.is_map:
        what = f"The trial is {trial.text!r}, a component."
        problems.at_line(trial.line, what, "Write its `command`, `code` and `environment`.")
    shared = {k: v for k, v in document.entries.items() if k not in _OF_THE_SWEEP}
    own = {k: v for k, v in trial.entries.items() if k != "type"} if trial else {}
    for key in ("inputs", "outputs"):
        if key in own and key in shared:
            own[key] = Located({**shared[key].entries, **own[key].entries}, own[key].line)
    return Located({**shared, **own, **trial_limits(document)}, document.line)


def _check_used(trial: Located, space: Space, problems: Problems) -> None:
    """Add a problem for a parameter that no command takes."""
    texts = [trial.get("command"), trial.get("environment_variables")]
    text = " ".join(each.text for found in texts if found for each in found.scalars())
    for name in space:
        if f"search_space.{name}" not in text:
            command = trial.get("command")
            problems.at_line(
                command.line if command else 1,
                f"The trial does not use `search_space.{name}`.",
                f"Write `${{{{search_space.{name}}}}}` in its command.",
            )


class _Reading:
    def __init__(self, document: Located, problems: Problems) -> None:
        self._document = document
        self._problems = problems

    def sweep(self) -> Sweep:
        limits = self._document.get("limits") or Located({}, 1)
        total = _whole(limits.get("max_total_trials"), MOST_RUNS)
        each = limits.get("trial_timeout")
        if each is not None and _whole(each, 1) < 1:
            what = f"`limits.trial_timeout` is {each.text}."
            self._problems.at_line(each.line, what, "Write a number of seconds from 1 on.")
        seed = self._document.get("sampling_algorithm", "seed")
        metric = self._document.get("objective", "primary_metric")
        return Sweep(
            space=self._space(),
            sampling=self._sampling(),
            metric=metric.text if metric else "",
            goal=GOALS[self._word("objective", "goal", GOALS, "maximize")],
            max_total=total,
            max_concurrent=_whole(limits.get("max_concurrent_trials"), total),
            max_duration_s=_whole(limits.get("timeout"), LONGEST_S),
            policy=self._policy(),
            seed=_whole(seed, 0) if seed else None,
            style="expressions",
        )

    def _sampling(self) -> str:
        given = self._document.get("sampling_algorithm")
        if given is None:
            return "random"
        kind = given.get("type") if given.is_map else given
        word = kind.text.lower() if kind else "random"
        rule = given.get("rule")
        if word not in {*SAMPLINGS} - {_SOBOL}:
            hint = nearest(word, dict.fromkeys(("random", "grid", "bayesian")), noun="sampling")
            self._problems.at_line(given.line, f"`sampling_algorithm` is {word!r}.", hint)
            return "random"
        if rule is not None and rule.text.lower() not in {_SOBOL, "random"}:
            self._problems.at_line(rule.line, f"`rule` is {rule.text!r}.", "Write sobol or random.")
        logbase = given.get("logbase")
        if logbase is not None and logbase.text not in {"e", "2.718281828459045"}:
            what = f"`logbase` is {logbase.text!r}; log forms are of the natural logarithm here."
            self._problems.at_line(logbase.line, what, "Leave it out, and give natural logarithms.")
        is_sobol = word == "random" and rule is not None and rule.text.lower() == _SOBOL
        return _SOBOL if is_sobol else word

    def _space(self) -> Space:
        space: dict[str, Expression] = {}
        given = self._document.get("search_space")
        for name, each in given.entries.items() if given else ():
            kind = each.get("type")
            word = kind.text if kind else ""
            if word not in EXPRESSIONS:
                continue  # `check_job` has said so
            made = Expression(word, _arguments(word, each))
            whole = word == "choice" or len(made.arguments) == len(FORMS[word].names)
            why = problem(made) if whole else ""  # `check_job` has said what is missing
            if why:
                self._problems.at_line(each.line, f"`search_space.{name}`: {why}", "Correct it.")
            space[name] = made
        return space

    def _policy(self) -> Policy | None:
        given = self._document.get("early_termination")
        if given is None:
            return None
        word = self._word("early_termination", "type", dict.fromkeys(POLICIES), "")
        if not word:
            return None
        check_policy_keys(word, given, self._problems)
        return policy_of(word, given)

    def _word(self, key: str, below: str, known: Mapping[str, object], default: str) -> str:
        value = self._document.get(key, below)
        if value is None:
            given = self._document.get(key)
            line = given.line if given else 1
            todo = f"Write one of: {', '.join(known)}."
            self._problems.at_line(line, f"`{key}` has no `{below}`.", todo)
            return default
        word = value.text.lower()
        if word not in known:
            hint = nearest(value.text, known, noun=below)
            self._problems.at_line(value.line, f"`{key}.{below}` is {value.text!r}.", hint)
            return default
        return word


def _arguments(kind: str, given: Located) -> tuple[Value, ...]:
    if kind == "choice":
        values = given.get("values")
        return plain_values(values) if values else ()
    found = [given.get(name) for name in FORMS[kind].names]
    return plain_values(Located(tuple(each for each in found if each is not None), given.line))


def _whole(value: Located | None, default: int) -> int:
    return value.value if value is not None and isinstance(value.value, int) else default


def _line(document: Located, text: str) -> int:
    """Return the line that a problem of the whole sweep is about, as far as its words tell."""
    space = document.get("search_space")
    for name, each in space.entries.items() if space else ():
        if text.startswith((f"{name}:", f"{name} ")):
            return each.line
    words = {
        "interval": "early_termination",
        "slack": "early_termination",
        "policy": "early_termination",
        "max_": "limits",
    }
    key = next((key for word, key in words.items() if word in text), "search_space")
    found = document.get(key)
    return found.line if found else 1
