"""The settings of a search as people write them → ``AutoMLSpec``, or everything that is wrong.

A setting that no row of ``runtime.automl.settings`` has is unknown; one that cannot be honoured is
refused by name, with the reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from infra.contract.load import nearest
from runtime.automl.settings import SETTINGS, Setting, Writing
from runtime.automl.spec import (
    IMPUTING,
    LONGEST_S,
    METRICS,
    MODELS,
    MOST_TRIALS,
    PURPOSES,
    SEED,
    TASKS,
    UNKNOWN_HERE,
    AutoMLSpec,
    Featurization,
    Forecast,
    Task,
)
from runtime.model.runs import MAX_DURATION_S

_NOTHING: Final[tuple[object, ...]] = (None, "", False, "auto", "Auto", (), [], {})


@dataclass(frozen=True, slots=True)
class Wrong:
    """A problem with a setting: its path as written, what is wrong, and what to do."""

    path: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Read:
    """The settings of a search. ``spec`` is ``None`` if there are problems."""

    spec: AutoMLSpec | None
    wrong: Sequence[Wrong]
    notes: Sequence[Wrong]


def read_settings(given: Mapping[str, object], writing: Writing) -> Read:
    """Return the search that settings describe, by their names or paths, with every problem."""
    rows = {row.written(writing): row for row in SETTINGS if row.written(writing)}
    wrong, notes = list[Wrong](), list[Wrong]()
    found: dict[str, object] = {}
    places: dict[str, str] = {}
    for path, value in given.items():
        row = rows.get(path)
        if row is None:
            hint = nearest(path, rows, noun="setting")
            wrong.append(Wrong(path, f"There is no setting `{path}`.", hint))
        elif row.name:
            if value is not None:
                other = places.get(row.name)
                if other is not None:
                    what = f"`{path}` and `{other}` say the same, and both are given."
                    wrong.append(Wrong(path, what, "Leave one of them out."))
                    continue
                timed = row.times > 1 and isinstance(value, int | float)
                found[row.name] = float(str(value)) * row.times if timed else value
                places[row.name] = path
        elif _asks(value, row):
            if row.refused:
                wrong.append(Wrong(path, f"`{path}` cannot be used.", row.refused))
            else:
                notes.append(Wrong(path, f"`{path}` has no effect.", row.unused))
    defaults = {
        row.name: row.written(writing) for row in reversed(SETTINGS) if row.written(writing)
    }
    times = {name: rows[path].times for name, path in places.items()}
    reading = _Reading(found, {**defaults, **places}, times, wrong)
    spec = reading.spec()
    return Read(None if wrong else spec, wrong, notes)


def _asks(value: object, row: Setting) -> bool:
    """Return whether a value asks for something that is not done anyway."""
    if not isinstance(value, str | bool | int | float | list | tuple | dict | None):
        return True
    return not any(value is each or value == each for each in (*_NOTHING, *row.harmless))


class _Reading:
    def __init__(
        self,
        found: Mapping[str, object],
        places: Mapping[str, str],
        times: Mapping[str, int],
        wrong: list[Wrong],
    ) -> None:
        self._found = found
        self._places = places
        self._times = times
        self._wrong = wrong

    def spec(self) -> AutoMLSpec | None:
        """Return the search; problems are added, and ``None`` returned without a task."""
        task = self._task()
        if not self._found.get("training"):
            self._problem("training", "A search needs data to learn from.", "Give it: {path}.")
        label = self._text("label") or ""
        if not label:
            self._problem("label", "A search needs the column to predict.", "Name it: {path}.")
        if task is None:
            return None
        ensembles = {"VotingEnsemble": "voting", "StackEnsemble": "stack"}
        is_series = task == "forecasting"
        return AutoMLSpec(
            task=task,
            label=label,
            metric=self._metric(task),
            models=self._models(task),
            has_validation=self._has_validation(task),
            folds=self._folds(),
            validation_size=self._share("validation_size"),
            max_trials=self._whole("max_trials", MOST_TRIALS, 1, MOST_TRIALS),
            timeout_s=self._whole("timeout", LONGEST_S, 1, MAX_DURATION_S),
            trial_timeout_s=self._whole("trial_timeout", 0, 1, MAX_DURATION_S) or None,
            exit_score=self._number("exit_score"),
            early_stopping=self._flag("early_stopping"),
            # A series is forecast by one model: FLAML combines none.
            ensembles=()
            if is_series
            else tuple(name for name, key in ensembles.items() if self._flag(key)),
            featurization=self._featurization(),
            forecast=self._forecast() if is_series else None,
            seed=self._whole("seed", SEED, 0, 2**31 - 1),
            jobs=self._whole("jobs", -1, -1, 1024),
        )

    def _problem(self, name: str, what: str, remedy: str) -> None:
        path = self._places.get(name, name)
        self._wrong.append(Wrong(path, what, remedy.format(path=f"`{path}`")))

    # --- parts

    def _task(self) -> Task | None:
        word = str(self._found.get("task") or "").lower()
        task = next((each for each in TASKS if each == word), None)
        if task is None:
            why = "Images and texts are not searched over" if "_" in word else "It names no task"
            self._problem(
                "task", f"The task is {word!r}. {why}.", f"Use one of: {', '.join(TASKS)}."
            )
        return task

    def _metric(self, task: Task) -> str:
        known = {_plain(name): name for name in METRICS[task]}
        given = self._text("metric")
        if given is None:
            return METRICS[task][0]
        found = known.get(_plain(given))
        if found is None:
            hint = nearest(given, dict.fromkeys(METRICS[task]), noun="metric")
            self._problem("metric", f"{given!r} is no metric of {task}.", hint)
        return found or METRICS[task][0]

    def _models(self, task: Task) -> tuple[str, ...]:
        known = {_plain(name): name for name in MODELS[task]}
        allowed, blocked = self._names("allowed"), self._names("blocked")
        others = {_plain(each) for each in UNKNOWN_HERE}
        for key, names in (("allowed", allowed), ("blocked", blocked)):
            for name in names:
                is_other = _plain(name) in others
                if _plain(name) not in known and not (is_other and key == "blocked"):
                    why = "is a model that no search here tries" if is_other else "is no model"
                    hint = nearest(name, MODELS[task], noun="model")
                    self._problem(key, f"{name!r} {why} ({task}).", hint)
        wanted = [known[_plain(each)] for each in allowed if _plain(each) in known] or [
            *MODELS[task]
        ]
        without = {_plain(each) for each in blocked}
        found = tuple(name for name in dict.fromkeys(wanted) if _plain(name) not in without)
        if not found:
            self._problem("blocked", "Every model is blocked.", "Allow one of them.")
        return found

    def _has_validation(self, task: Task) -> bool:
        given = bool(self._found.get("validation"))
        if given and task == "forecasting":
            self._problem(
                "validation", "A forecast is compared with the end of its own series.",
                "Leave out {path}, and give the number of folds.",
            )  # fmt: skip
        if given and (self._folds() or self._found.get("validation_size")):
            self._problem(
                "validation", "Validation data and folds, or a share of the rows, are given.",
                "Give one way to compare models.",
            )  # fmt: skip
        return given

    def _folds(self) -> int | None:
        if str(self._found.get("folds", "auto")).lower() == "auto":
            return None
        return self._whole("folds", 0, 2, 100) or None

    def _featurization(self) -> Featurization:
        mode = str(self._found.get("mode") or "auto").lower()
        if mode not in {"auto", "off", "custom"}:
            self._problem("mode", f"{mode!r} is no featurization.", "Use auto, off or custom.")
        return Featurization(
            mode="off" if mode == "off" else "auto",
            dropped=tuple(self._names("dropped")),
            purposes=self._purposes(),
            imputers=self._imputers(),
            blocked=tuple(self._names("blocked_transformers")),
        )

    def _purposes(self) -> dict[str, str]:
        given = self._found.get("purposes")
        found = dict[str, str]()
        for column, purpose in given.items() if isinstance(given, Mapping) else ():
            word = _PURPOSE_WORDS.get(_plain(str(purpose)))
            if word is None:
                hint = nearest(str(purpose), dict.fromkeys(PURPOSES), noun="purpose")
                self._problem("purposes", f"{column}: {purpose!r} is no purpose.", hint)
            else:
                found[str(column)] = word
        return found

    def _imputers(self) -> dict[str, tuple[object, ...]]:
        """Return what missing values are filled with; other transformers have no parameters."""
        given = self._found.get("imputers")
        found = dict[str, tuple[object, ...]]()
        for name, entries in given.items() if isinstance(given, Mapping) else ():
            if _plain(str(name)) != "imputer":
                self._problem(
                    "imputers", f"The transformer {name!r} has no parameters.", "Use Imputer."
                )
                continue
            for columns, parameters in _columns_and_parameters(entries):
                strategy = str(parameters.get("strategy", "mean"))
                if strategy not in IMPUTING:
                    hint = nearest(strategy, dict.fromkeys(IMPUTING), noun="strategy")
                    self._problem("imputers", f"{strategy!r} is no strategy of Imputer.", hint)
                    continue
                fill = (parameters.get("fill_value", 0),) if strategy == "constant" else ()
                found |= dict.fromkeys(columns, (strategy, *fill))
        return found

    def _forecast(self) -> Forecast:
        column = self._text("time_column") or ""
        if not column:
            self._problem("time_column", "A forecast needs the column of the time.", "Give {path}.")
        series = tuple(self._names("series"))
        for name in {column, self._text("label")} & set(series):
            self._problem(
                "series", f"{name!r} is the column of the time or to predict.", "Correct {path}."
            )
        horizon = self._found.get("horizon", 1)
        if isinstance(horizon, str):
            self._problem(
                "horizon", "The horizon is a number of periods.", "Write a number: {path}."
            )
            return Forecast(column, series=series)
        return Forecast(column, self._whole("horizon", 1, 1, 100_000), series)

    # --- values

    def _text(self, name: str) -> str | None:
        value = self._found.get(name)
        return None if value is None or isinstance(value, Mapping | list | tuple) else str(value)

    def _names(self, name: str) -> list[str]:
        value = self._found.get(name)
        if value is None:
            return []
        if isinstance(value, str):
            return [value]
        return [str(each) for each in cast("Sequence[object]", value)]

    def _flag(self, name: str) -> bool:
        value = self._found.get(name, True)
        if not isinstance(value, bool):
            self._problem(name, f"{value!r} is neither true nor false.", "Correct {path}.")
        return bool(value)

    def _number(self, name: str) -> float | None:
        value = self._found.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._problem(name, f"{value!r} is not a number.", "Correct {path}.")
            return None
        return float(value)

    def _share(self, name: str) -> float | None:
        value = self._number(name)
        if not value:
            return None
        if not 0 < value < 1:
            self._problem(name, f"{value} is not a share of the rows.", "Write a number below 1.")
        return value

    def _whole(self, name: str, default: int, least: int, most: int) -> int:
        value = self._number(name)
        if value is None:
            return default
        if not least <= value <= most:
            # Times are said in the unit that they were given in.
            unit = self._times.get(name, 1)
            bounds = f"from {least} to {most}" if unit == 1 else f"above 0, to {most / unit:g}"
            self._problem(name, f"It is {value / unit:g}.", f"Give {{path}} {bounds}.")
        return int(value)


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


_PURPOSE_WORDS: Final = {
    **{_plain(each): each for each in PURPOSES},
    "categoricalhash": "Categorical",
    "hashes": "Ignore",
    "allnan": "Ignore",
}


def _columns_and_parameters(
    entries: object,
) -> list[tuple[list[str], Mapping[str, object]]]:
    """Return pairs of columns and parameters: of the SDK, of CLI v2 and of REST."""
    found = []
    for entry in entries if isinstance(entries, list | tuple) else ():
        if isinstance(entry, Mapping):
            columns, parameters = entry.get("fields"), entry.get("parameters")
        else:
            columns, parameters = entry
        names = [columns] if isinstance(columns, str) else [str(each) for each in columns or ()]
        found.append((names, parameters if isinstance(parameters, Mapping) else {}))
    return found
