"""Automated machine learning, as in azureml-train-automl-client: what is searched for, and how."""

from collections.abc import Mapping, Sequence

from runtime.api.automl_data import AutoMLData, data_of, missing_columns
from runtime.api.automl_run import AutoMLRun
from runtime.api.exceptions import ComputeTargetException, UserErrorException, azureml_errors
from runtime.api.run_configuration import RunConfiguration, target_name
from runtime.api.runs.base import ParentExperiment
from runtime.api.runs.definition import KIND, definition
from runtime.automl.folder import search_folder
from runtime.automl.rules import Read, read_settings
from runtime.automl.run import (
    SCRIPT,
    TRAINING,
    VALIDATION,
    longest_s,
    search_environment,
    search_properties,
)
from runtime.automl.spec import METRICS, AutoMLSpec
from runtime.model.runs import RunSpec
from runtime.submit.prepare import placed
from runtime.submit.submitting import submitter_of

__all__ = ["AutoMLConfig", "FeaturizationConfig", "ForecastingParameters", "get_primary_metrics"]
_OF_THE_RUN = ("compute_target", "run_configuration")
_TARGET_ONLY = (
    "Of `run_configuration`, the target is used. A search has an environment and a script of its"
    " own."
)


class _Settings:
    """Keeps whatever settings it is given as attributes."""

    def __init__(self, **settings: object) -> None:
        self.__dict__.update(settings)

    def __repr__(self) -> str:
        listed = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({listed})"


class AutoMLConfig:
    """A search for a model: a task, its data and limits. ``user_settings`` has all of it.

    ``settings`` are azureml's; docs/automl.md lists them. They are checked when it is submitted.
    ``training_data`` and ``validation_data`` are datasets or data frames. ``seed`` is ours: equal
    seeds, data and limits of trials give equal searches.
    """

    def __init__(self, task: str, **settings: object) -> None:
        self.user_settings: dict[str, object] = {"task": task, **settings}

    def submit_to(
        self,
        experiment: ParentExperiment,
        tags: Mapping[str, str],
        show_output: bool = False,
        properties: Mapping[str, str] | None = None,
        **options: object,
    ) -> AutoMLRun:
        """Start the search and return its run; with ``show_output``, wait for it and print its log.

        Raises ``UserErrorException`` with everything that keeps it from being run.
        """
        if options:
            raise UserErrorException(
                f"`submit` of a search takes no {', '.join(sorted(options))}.",
                remedy="Set it in the AutoMLConfig.",
            )
        session = experiment.workspace.session
        with azureml_errors():
            spec = placed(self.run(experiment, tags))
            with azureml_errors(ComputeTargetException):
                target = session.targets.target(spec.target)
            submitted = submitter_of(session).submit(spec, target, stack=session.stack)
        run = AutoMLRun(experiment, submitted.run.run_id)
        run.note(KIND, definition(spec))
        run.add_properties(properties or {})
        for note in self.notes():
            run.note("message", {"text": note})
        if show_output:
            run.wait_for_completion(show_output=True)
        return run

    def run(self, experiment: ParentExperiment, tags: Mapping[str, str]) -> RunSpec:
        """Return the run that makes the search; the folder that it sends is written.

        Raises ``PlatformError`` with everything that is wrong with the settings.
        """
        search, data = self.search(), self.data()
        return RunSpec(
            script=SCRIPT,
            source_directory=search_folder(search, experiment.workspace.session.home, data.tables),
            target=self.target,
            experiment=experiment.name,
            environment=search_environment(search.task),
            tags=tags,
            inputs=data.inputs,
            max_duration_s=longest_s(search),
            properties=search_properties(search),
        )

    @property
    def target(self) -> str:
        """The name of the compute that it runs on."""
        config = self.user_settings.get("run_configuration")
        given = self.user_settings.get("compute_target")
        if given is None and isinstance(config, RunConfiguration):
            return config.target
        return target_name(given) if given is None or isinstance(given, str) else _named(given)

    def search(self) -> AutoMLSpec:
        """Return the search. Raises ``UserErrorException`` with everything that is wrong."""
        read = self._read()
        listed = [f"{each.what} {each.remedy}" for each in read.wrong]
        if read.spec is not None:
            tables = {name: self.user_settings.get(name) for name in (TRAINING, VALIDATION)}
            listed += missing_columns(tables, read.spec.named_columns)
        if read.spec is None or listed:
            raise UserErrorException(
                "\n".join(listed), remedy="Change the AutoMLConfig, then submit it again."
            )
        return read.spec

    def notes(self) -> list[str]:
        """Return sentences about settings that have no effect."""
        notes = [f"{each.what} {each.remedy}" for each in self._read().notes]
        return [*notes, *([_TARGET_ONLY] if self.user_settings.get("run_configuration") else [])]

    def data(self) -> AutoMLData:
        """Return the data that it learns from. Raises ``PlatformError`` for what is no table."""
        given = {name: self.user_settings.get(name) for name in (TRAINING, VALIDATION)}
        return data_of({name: each for name, each in given.items() if each is not None})

    def _read(self) -> Read:
        given = {
            "max_cores_per_iteration": 1,
            **{k: v for k, v in self.user_settings.items() if k not in _OF_THE_RUN},
        }
        for name in (TRAINING, VALIDATION):
            if given.get(name) is not None:
                given[name] = True  # a table: whether there is one is what counts
        featurization = given.get("featurization")
        if isinstance(featurization, FeaturizationConfig):
            given |= featurization.settings()
        parameters = given.pop("forecasting_parameters", None)
        if isinstance(parameters, ForecastingParameters):
            given |= vars(parameters)
        return read_settings(given, "v1")

    def __repr__(self) -> str:
        return f"AutoMLConfig({', '.join(f'{k}={v!r}' for k, v in self.user_settings.items())})"


def get_primary_metrics(task: str) -> list[str]:
    """Return the metrics that a task is searched by. Raises ``UserErrorException``."""
    found = {name: metrics for name, metrics in METRICS.items() if name == task}
    if not found:
        raise UserErrorException(
            f"There is no task {task!r}.", remedy=f"Use one of: {', '.join(METRICS)}."
        )
    return list(*found.values())


class FeaturizationConfig:
    """What columns are, and how they are turned into features."""

    def __init__(
        self,
        blocked_transformers: Sequence[str] | None = None,
        column_purposes: Mapping[str, str] | None = None,
        transformer_params: Mapping[str, list[object]] | None = None,
        drop_columns: Sequence[str] | None = None,
        dataset_language: str | None = None,
        prediction_transform_type: str | None = None,
    ) -> None:
        self.blocked_transformers = list(blocked_transformers or ())
        self.column_purposes = dict(column_purposes or {})
        self.transformer_params = dict(transformer_params or {})
        self.drop_columns = list(drop_columns or ())
        self.dataset_language = dataset_language
        self.prediction_transform_type = prediction_transform_type

    def add_column_purpose(self, column_name: str, feature_type: str) -> None:
        """Say what a column is."""
        self.column_purposes[column_name] = feature_type

    def remove_column_purpose(self, column_name: str) -> None:
        """Say no longer what a column is."""
        self.column_purposes.pop(column_name, None)

    def add_blocked_transformers(self, transformers: str | Sequence[str]) -> None:
        """Exclude transformers."""
        self.blocked_transformers += _listed(transformers)

    def add_drop_columns(self, drop_columns: str | Sequence[str]) -> None:
        """Leave columns out."""
        self.drop_columns += _listed(drop_columns)

    def add_transformer_params(
        self, transformer: str, cols: Sequence[str], params: Mapping[str, object]
    ) -> None:
        """Set the parameters of a transformer for some columns."""
        self.transformer_params.setdefault(transformer, []).append((list(cols), dict(params)))

    def add_prediction_transform_type(self, prediction_transform_type: str) -> None:
        """Say how predictions are transformed."""
        self.prediction_transform_type = prediction_transform_type

    def settings(self) -> dict[str, object]:
        """Return it as settings of a search."""
        return {"featurization": "custom", **vars(self)}


class ForecastingParameters(_Settings):
    """How a time series is forecast."""

    def __init__(
        self, time_column_name: str | None = None, forecast_horizon: object = 1, **settings: object
    ) -> None:
        super().__init__(
            time_column_name=time_column_name, forecast_horizon=forecast_horizon, **settings
        )


def _listed(given: str | Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _named(compute: object) -> str:
    name = getattr(compute, "name", None)
    if not isinstance(name, str):
        raise UserErrorException(
            f"compute_target is {type(compute).__name__}.",
            remedy="Give a compute of the workspace, or its name.",
        )
    return name
