"""Keeps what a search found: the model in MLflow's format, and notes about its data."""

import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
from mlflow.models import infer_signature

from .trials import Trials

MODEL = "model"


def save_model(model: Any, sample: Any, outputs: Path, *, is_pipeline: bool) -> Path:
    """Write ``outputs/model`` and return its folder; ``sample`` are rows as they are predicted."""
    logging.getLogger("mlflow.sklearn").setLevel(logging.ERROR)  # that pickles are pickles
    folder = outputs / MODEL
    shutil.rmtree(folder, ignore_errors=True)
    predicted = model.predict(sample)
    options: dict[str, Any] = {
        "path": str(folder),
        "signature": infer_signature(sample, predicted),
        "input_example": sample.head(3),
        "pip_requirements": _installed(),
    }
    with tempfile.TemporaryDirectory() as copied:
        code = Path(copied) / __package__
        shutil.copytree(Path(__file__).parent, code, ignore=shutil.ignore_patterns("__pycache__"))
        options["code_paths"] = [str(code)]
        if is_pipeline:
            mlflow.sklearn.save_model(model, serialization_format="pickle", **options)
        else:
            _save_forecaster(model, options)
    return folder


def _save_forecaster(model: Any, options: Mapping[str, Any]) -> None:
    """Write a forecaster as a model of scikit-learn's kind, which has a ``predict``."""
    mlflow.sklearn.save_model(model, serialization_format="cloudpickle", **options)


def save_notes(outputs: Path, notes: Mapping[str, Any]) -> None:
    """Write what was done with the columns, and how the search went."""
    outputs.mkdir(parents=True, exist_ok=True)
    text = json.dumps(notes, indent=2, default=str)
    (outputs / "automl_notes.json").write_text(text + "\n", encoding="utf-8")


def copy_results(model: Path, trials: Trials, places: Mapping[str, str]) -> None:
    """Write copies of the model and of the metrics of all trials to where they are asked for."""
    if "model_folder" in places:
        shutil.copytree(model, places["model_folder"], dirs_exist_ok=True)
    if "model_file" in places:
        shutil.copyfile(model / "model.pkl", _made(places["model_file"]))
    if "metrics_file" in places:
        found = {
            trial.run.id: {name: [value] for name, value in trial.metrics.items()}
            for trial in trials.found
        }
        _made(places["metrics_file"]).write_text(json.dumps(found), encoding="utf-8")


def _made(place: str) -> Path:
    file = Path(place)
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _installed() -> list[str]:
    """Return the packages that the model was made with, in their versions."""
    from_file = Path(sys.path[0]) / "requirements.txt"
    return [line for line in from_file.read_text(encoding="utf-8").splitlines() if line.strip()]
