"""The script of a search: reads its settings and data, tries models, keeps the best one."""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from azureml.core import Run

from . import forecasting, searching
from .features import DataTransformer, NumbersOnly
from .libraries import ABSENT
from .models import TRANSFORMER, pipeline
from .saving import copy_results, save_model, save_notes
from .tables import DataProblemError, checked_columns, read_table
from .trials import Limits, Trial, Trials

_OUTPUTS: Final = Path("outputs")
_SAMPLE: Final = 100


def main() -> None:
    """Run the search that ``automl.json`` beside the script describes."""
    settings = json.loads(Path(sys.path[0], "automl.json").read_text(encoding="utf-8"))
    run = Run.get_context()
    limits = Limits(
        settings["timeout_s"],
        settings["max_trials"],
        settings["exit_score"],
        settings["early_stopping"],
    )
    trials = Trials(run, settings["metric"], limits, _say)
    try:
        settings["learners"] = _usable(settings["learners"])
        table = read_table(_source(run, settings["training"]))
        held = settings["validation"]
        validation = read_table(_source(run, held)) if held else None
        if settings["task"] == "forecasting":
            _forecast(table, settings, trials)
        else:
            _learn(table, validation, settings, trials)
    except (DataProblemError, ValueError) as error:
        why = f"The search cannot be made: {error}"
        run.fail(why)
        sys.exit(why)


def _usable(learners: Mapping[str, str]) -> dict[str, str]:
    """Return the models whose libraries are here."""
    for name, learner in learners.items():
        if learner in ABSENT:
            _say(f"{name} is left out: {ABSENT[learner]}")
    found = {name: learner for name, learner in learners.items() if learner not in ABSENT}
    if not found:
        raise DataProblemError("No model is left to try.")
    return found


def _source(run: Any, place: Mapping[str, str]) -> Any:
    """Return where data is: a file that was sent, an argument `NAME=PATH`, an input of the run."""
    if "file" in place:
        return Path(sys.path[0], place["file"])
    name, given = place["input"], _arguments()
    return given[name] if name in given else run.input_datasets[name]


def _arguments() -> dict[str, str]:
    return dict(each.split("=", 1) for each in sys.argv[1:] if "=" in each)


# --- classification and regression


def _learn(table: Any, validation: Any, settings: Mapping[str, Any], trials: Trials) -> None:
    label = settings["label"]
    table = _labeled(table, label, "training data")
    labels = _classes(table[label]) if settings["task"] == "classification" else None
    features = table.drop(columns=label)
    transformer = _transformer(settings, features)
    X, y = transformer.fit_transform(features), _numbers(table[label], labels)
    held = None
    if validation is not None:
        validation = _labeled(validation, label, "validation data")
        held = (
            transformer.transform(validation.drop(columns=label)),
            _numbers(validation[label], labels),
        )
    rows = searching.rows_of(X, y, held, labels, settings)
    summary = transformer.get_featurization_summary()
    _say_columns(summary)
    for note in rows.notes:
        _say(note)
    why = _searched(lambda log: searching.search(rows, settings, trials, log), trials)
    searching.combine(rows, settings, trials)
    best = _best(trials)
    fitted = searching.estimator_of(best, settings, rows.classes).fit(X, y)
    model = pipeline(transformer, best.model, fitted, labels)
    _keep(model, features.head(_SAMPLE), trials, why, {"columns": summary, "notes": rows.notes})


def _labeled(table: Any, label: str, what: str) -> Any:
    """Return the rows that have a label, with the names of columns as text."""
    table = table.rename(columns=str)
    checked_columns(table, [label], what)
    found = table.dropna(subset=[label]).reset_index(drop=True)
    if len(found) < len(table):
        _say(f"{len(table) - len(found)} rows of the {what} have no {label}, and are left out.")
    if found.empty:
        raise DataProblemError(f"The {what} has no row with a {label}.")
    return found


def _classes(labels: Any) -> list[Any]:
    found = sorted(labels.unique().tolist(), key=lambda each: (str(type(each)), each))
    if len(found) < 2:  # noqa: PLR2004 - there is nothing to tell apart
        raise DataProblemError(f"{labels.name} has one class only: {found[0]!r}.")
    if len(found) > len(labels) // 2:
        raise DataProblemError(
            f"{labels.name} has {len(found)} classes in {len(labels)} rows. Use the task regression"
            " for numbers."
        )
    return found


def _numbers(values: Any, labels: list[Any] | None) -> Any:
    """Return what is learnt: classes by their numbers, or the values themselves."""
    if labels is None:
        found = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
        if not np.isfinite(found).all():
            raise DataProblemError(f"{values.name} has values that are not numbers.")
        return found
    number = {label: place for place, label in enumerate(labels)}
    unknown = sorted({str(each) for each in values if each not in number})
    if unknown:
        raise DataProblemError(
            f"{values.name} has classes that the training data lacks: {', '.join(unknown)}."
        )
    return np.asarray([number[each] for each in values], dtype=int)


def _transformer(settings: Mapping[str, Any], features: Any) -> Any:
    given = settings["featurization"]
    named = [*given["dropped"], *given["purposes"], *given["imputers"]]
    checked_columns(features, named, "training data")
    if given["mode"] == "off":
        return NumbersOnly()
    return DataTransformer(
        dropped=given["dropped"],
        purposes=given["purposes"],
        imputers=given["imputers"],
        blocked=given["blocked"],
    )


# --- forecasting


def _forecast(table: Any, settings: Mapping[str, Any], trials: Trials) -> None:
    series = forecasting.all_series(table.rename(columns=str), settings)
    horizon = settings["forecast"]["horizon"]
    for name, frame in series.items():
        what = f"Series {', '.join(map(str, name))}" if name else "A series"
        _say(f"{what} of {len(frame)} periods, of which {horizon} are ahead.")
    why = _searched(lambda log: forecasting.search(series, settings, trials, log), trials)
    model = forecasting.forecaster(series, _best(trials), settings)
    _keep(model, forecasting.sample_of(series, settings), trials, why, {"notes": []})


# --- both


def _searched(search: Any, trials: Trials) -> str:
    """Run a search and return why it ended. What it found before an error is kept."""
    _say(f"\n{'trial':>5}  {'model':<22} {trials.metric[:10]:>10} {'best':>10}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            why = str(search(Path(folder, "trials.jsonl")))
        except Exception as error:
            if trials.best is None:
                raise
            why = f"a trial failed: {error}"
    _say(f"The search ended: {why}.")
    return why


def _best(trials: Trials) -> Trial:
    if trials.best is None:
        raise DataProblemError(f"No trial has a {trials.metric}. Allow more trials or more time.")
    return trials.best


def _keep(model: Any, sample: Any, trials: Trials, why: str, notes: Mapping[str, Any]) -> None:
    """Write the model and the notes, and say which trial it is of."""
    best, run = _best(trials), trials.run
    is_pipeline = TRANSFORMER in getattr(model, "named_steps", {})
    folder = save_model(model, sample, _OUTPUTS, is_pipeline=is_pipeline)
    name = f"AutoML{best.run.id.replace('-', '').replace('_', '')[:10]}{best.number}"
    save_notes(
        _OUTPUTS,
        {**notes, "best": best.number, "model": best.model, "ended": why, "metrics": best.metrics},
    )
    copy_results(folder, trials, _arguments())
    for metric, value in best.metrics.items():
        if np.isfinite(value):
            run.log(metric, float(value))
    run.set_tags({"automl_best_child_run_id": best.run.id})
    best.run.upload_file("outputs/model.pkl", str(folder / "model.pkl"))
    for each in (run, best.run):
        each.add_properties({"model_name": name})
    run.add_properties({"azureml.automl.ended": why})
    _say(f"Best: trial {best.number}, {best.model}, {trials.metric} {trials.score:.4f}")


def _say_columns(summary: list[Mapping[str, Any]]) -> None:
    for each in summary:
        steps = ", ".join(each["Transformations"]) or each["Note"]
        _say(f"Column {each['RawFeatureName']}: {each['TypeDetected']} ({steps})")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
