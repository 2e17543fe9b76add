"""``AutoMLRun``, as in azureml-train-automl-client: a search from outside, and its best model."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from infra.contract.errors import PlatformError
from infra.contract.load import load
from runtime.agent.assets.resource_configuration import ResourceConfiguration
from runtime.api.exceptions import UserErrorException, azureml_errors
from runtime.api.model import Model
from runtime.api.run import Run, run_of
from runtime.automl.spec import MINIMIZED

__all__ = ["AutoMLRun", "AutoMLStepRun"]
_BEST: Final = "automl_best_child_run_id"
_METRIC: Final = "primary_metric"
_MODEL: Final = "outputs/model"


class AutoMLRun(Run):
    """The run of a search. Its children are its trials."""

    @property
    def type(self) -> str:
        """The type of the run in Azure ML's words."""
        return "automl"

    @property
    def model_id(self) -> str | None:
        """The name of the model that was registered of it, ``None`` before."""
        return self._record.tags.get("model_id")

    def get_best_child(self, metric: str | None = None, onnx_compatible: bool = False) -> Run:
        """Return the trial that is best by a metric (default: the one of the search).

        Raises ``UserErrorException`` if no trial has it.
        """
        if onnx_compatible:
            raise UserErrorException(
                "The models of a search are not compatible with ONNX.",
                remedy="Convert `outputs/model` with skl2onnx.",
            )
        self._refreshed()
        best = self._record.tags.get(_BEST)
        if metric is None and best is not None:
            return run_of(self.experiment, best)
        name = metric or self._record.properties.get(_METRIC, "")
        scores = {run: float(value) for run, value in self._scores(name)}
        if not scores:
            raise UserErrorException(
                f"No trial of run {self.id} has a metric {name!r}.",
                remedy="Wait for it with `wait_for_completion`, or name one that its trials have.",
            )
        best_of = min if name in MINIMIZED else max
        return best_of(reversed(scores), key=lambda run: scores[run])

    def get_output(
        self,
        iteration: int | None = None,
        metric: str | None = None,
        return_onnx_model: bool = False,
        return_split_onnx_model: object = None,
        **_: object,
    ) -> tuple[Run, object]:
        """Return the best trial and its fitted model: a pipeline with ``predict``.

        The model of one trial is kept, the best by the metric of the search. It is loaded here, so
        that the packages of the search have to be installed here, too: `outputs/model` lists them.
        Raises ``UserErrorException`` for another trial's.
        """
        if return_onnx_model or return_split_onnx_model:
            raise UserErrorException(
                "A search keeps no ONNX model.", remedy="Convert `outputs/model` with skl2onnx."
            )
        best = self._kept(iteration, metric)
        return best, loaded(self._model_folder())

    def register_model(
        self,
        model_name: str | None = None,
        model_path: str | None = None,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        description: str | None = None,
        datasets: Sequence[tuple[str, object]] | None = None,
        sample_input_dataset: object = None,
        sample_output_dataset: object = None,
        resource_configuration: ResourceConfiguration | None = None,
        **options: object,
    ) -> Model:
        """Register the best model, in MLflow's format; ``model_id`` is its name then.

        ``options`` may name the ``iteration`` or the ``metric``, which have to be the best model's.
        """
        best = self._kept(options.get("iteration"), options.get("metric"))
        name = model_name or best.properties["model_name"]
        model = super().register_model(
            name,
            model_path or _MODEL,
            tags=tags,
            properties={"iteration": best.properties["iteration"], **(properties or {})},
            model_framework=model_framework,
            model_framework_version=model_framework_version,
            description=description,
            datasets=datasets,
            sample_input_dataset=sample_input_dataset,
            sample_output_dataset=sample_output_dataset,
            resource_configuration=resource_configuration,
        )
        self.tag("model_id", name)
        return model

    def summary(self) -> list[list[object]]:
        """Return a row for each kind of model: its name, its trials, its best score."""
        metric = self._record.properties.get(_METRIC, "")
        best_of = min if metric in MINIMIZED else max
        found: dict[str, list[float]] = {}
        for run, value in self._scores(metric):
            found.setdefault(run.properties.get("run_algorithm", ""), []).append(value)
        return [[name, len(values), best_of(values)] for name, values in found.items()]

    def get_run_sdk_dependencies(self, iteration: int | None = None, **_: object) -> dict[str, str]:
        """Return the packages that the best model was made with, by name."""
        self._kept(iteration, None)
        text = (self._model_folder() / "requirements.txt").read_text(encoding="utf-8")
        pairs = (line.split("==", 1) for line in text.splitlines() if "==" in line)
        return {name.strip(): version.strip() for name, version in pairs}

    def _scores(self, metric: str) -> Iterator[tuple[Run, float]]:
        for child in self.get_children():
            value = child.get_metrics(metric).get(metric)
            if isinstance(value, int | float):
                yield child, float(value)

    def _kept(self, iteration: object, metric: object) -> Run:
        """Return the best trial. Raises ``UserErrorException`` if another one is asked for."""
        kept = self.get_best_child()
        number = kept.properties.get("iteration")
        of_metric = self.get_best_child(str(metric)) if metric else kept
        wanted = of_metric.properties.get("iteration")
        if iteration is not None:
            wanted = str(iteration)
        if wanted != number:
            raise UserErrorException(
                f"The model of trial {wanted} is not kept: trial {number} is the best.",
                remedy="Leave out `iteration` and `metric`; or search by that metric.",
            )
        return kept

    def _model_folder(self) -> Path:
        folder = self._files() / _MODEL
        if not folder.is_dir():
            raise UserErrorException(
                f"Run {self.id} has no model yet; it is {self._record.state}.",
                remedy=f"Wait for it, or read its log: `aml run logs {self.id}`.",
            )
        return folder


class AutoMLStepRun(AutoMLRun):
    """The search of a step: ``step_run`` is its run, from ``PipelineRun.find_step_run``."""

    def __init__(self, step_run: Run) -> None:
        super().__init__(step_run.experiment, step_run.id)


def loaded(folder: Path) -> object:
    """Return the model of a folder in MLflow's format. Raises ``UserErrorException``.

    Its classes that no package has are beside it, in ``code``.
    """
    code = str(folder / "code")
    if code not in sys.path:
        sys.path.append(code)
    remedy = f"Install what it was made with: `pip install -r {folder / 'requirements.txt'}`."
    with azureml_errors():
        try:
            read = load("joblib:load")
            return read(folder / "model.pkl")
        except PlatformError as error:
            error.remedy = remedy
            raise
        except ModuleNotFoundError as error:
            raise UserErrorException(
                f"The model needs the Python module {error.name!r}, which is not installed here.",
                remedy=remedy,
            ) from error
