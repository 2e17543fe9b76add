"""Every setting of a search, by the names people write, and what becomes of it: one table.

Names: `azureml.train.automl.AutoMLConfig` of SDK 1.61, and the schemas of automl jobs of CLI v2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Writing: TypeAlias = Literal["v1", "v2"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``name`` is what it is called here, ``""`` for one that is not honoured.

    ``refused`` says why it cannot be honoured, ``unused`` why it changes nothing. A value of
    ``harmless`` asks for what is done anyway. ``times`` makes seconds of numbers.
    """

    v1: str
    v2: str
    name: str = ""
    refused: str = ""
    unused: str = ""
    harmless: tuple[object, ...] = ()
    times: int = 1

    def written(self, writing: Writing) -> str:
        """Return how a person writes it, ``""`` for one that this writing lacks."""
        return self.v1 if writing == "v1" else self.v2


_ONE_LEVEL: Final = "All series are on one level: name them with `time_series_id_column_names`."
_FRAMES: Final = "Give `training_data` and `label_column_name`."

SETTINGS: Final[Sequence[Setting]] = (
    Setting("task", "task", "task"),
    Setting("primary_metric", "primary_metric", "metric"),
    Setting("label_column_name", "target_column_name", "label"),
    Setting("training_data", "training_data", "training"),
    Setting("validation_data", "validation_data", "validation"),
    Setting("validation_size", "validation_data_size", "validation_size"),
    Setting("n_cross_validations", "n_cross_validations", "folds"),
    Setting("iterations", "limits.max_trials", "max_trials"),
    Setting("experiment_timeout_hours", "", "timeout", times=3600),
    Setting("experiment_timeout_minutes", "limits.timeout_minutes", "timeout", times=60),
    Setting(
        "iteration_timeout_minutes", "limits.trial_timeout_minutes", "trial_timeout", times=60
    ),
    Setting("experiment_exit_score", "limits.exit_score", "exit_score"),
    Setting("enable_early_stopping", "limits.enable_early_termination", "early_stopping"),
    Setting("max_cores_per_iteration", "limits.max_cores_per_trial", "jobs"),
    Setting("allowed_models", "training.allowed_training_algorithms", "allowed"),
    Setting("whitelist_models", "", "allowed"),
    Setting("blocked_models", "training.blocked_training_algorithms", "blocked"),
    Setting("blacklist_models", "", "blocked"),
    Setting("enable_voting_ensemble", "training.enable_vote_ensemble", "voting"),
    Setting("enable_stack_ensemble", "training.enable_stack_ensemble", "stack"),
    Setting("seed", "properties.aml.automl.seed", "seed"),
    # --- featurization; `featurization` of the SDK is a word or an object, read before this
    Setting("featurization", "featurization.mode", "mode"),
    Setting("drop_columns", "featurization.drop_columns", "dropped"),
    Setting("column_purposes", "featurization.column_name_and_types", "purposes"),
    Setting("transformer_params", "featurization.transformer_params", "imputers"),
    Setting("blocked_transformers", "featurization.blocked_transformers", "blocked_transformers"),
    Setting(
        "dataset_language",
        "featurization.dataset_language",
        refused="Words are counted in any language.",
        harmless=("eng", "en"),
    ),
    Setting("prediction_transform_type", "", refused="Change the column before the search."),
    Setting(
        "enable_dnn_featurization",
        "featurization.enable_dnn_featurization",
        refused="There is no deep learning here.",
    ),
    # --- forecasting
    Setting("time_column_name", "forecasting.time_column_name", "time_column"),
    Setting("forecast_horizon", "forecasting.forecast_horizon", "horizon"),
    Setting("max_horizon", "", "horizon"),
    Setting("drop_column_names", "", "dropped"),
    Setting(
        "time_series_id_column_names",
        "forecasting.time_series_id_column_names",
        "series",
    ),
    Setting("grain_column_names", "", "series"),
    Setting(
        "group_column_names", "", refused="All series are searched together: leave it out."
    ),
    Setting("freq", "forecasting.frequency", unused="The frequency is that of the data."),
    Setting("target_lags", "forecasting.target_lags", unused="Lags are searched for."),
    Setting("feature_lags", "forecasting.feature_lags", unused="Lags are searched for."),
    Setting(
        "target_rolling_window_size",
        "forecasting.target_rolling_window_size",
        refused="Add a column with the rolling value.",
    ),
    Setting(
        "country_or_region_for_holidays",
        "forecasting.country_or_region_for_holidays",
        refused="Add a column that says which days are holidays.",
    ),
    Setting("country_or_region", "", refused="Add a column that says which days are holidays."),
    Setting(
        "seasonality", "forecasting.seasonality", refused="Seasons are searched for: leave it out."
    ),
    Setting("use_stl", "forecasting.use_stl", refused="Add columns with the season and the trend."),
    Setting("cv_step_size", "forecasting.cv_step_size", refused="Folds follow each other."),
    Setting(
        "target_aggregation_function",
        "forecasting.target_aggregate_function",
        refused="Aggregate the data before the search.",
    ),
    Setting(
        "short_series_handling_configuration",
        "forecasting.short_series_handling_config",
        unused="A series that is too short is refused by name.",
    ),
    Setting("short_series_handling", "", unused="A series that is too short is refused by name."),
    Setting("validate_parameters", "", unused="They are always checked."),
    Setting(
        "features_unknown_at_forecast_time",
        "forecasting.features_unknown_at_forecast_time",
        refused="Leave those columns out with `drop_columns`.",
    ),
    # --- what cannot be honoured
    Setting("X", "", refused=_FRAMES),
    Setting("y", "", refused=_FRAMES),
    Setting("X_valid", "", refused=_FRAMES),
    Setting("y_valid", "", refused=_FRAMES),
    Setting("data_script", "", refused=_FRAMES),
    Setting("sample_weight", "", refused="Rows have one weight."),
    Setting("sample_weight_valid", "", refused="Rows have one weight."),
    Setting("weight_column_name", "weight_column_name", refused="Rows have one weight."),
    Setting("cv_splits_indices", "", refused="Give `n_cross_validations`."),
    Setting(
        "cv_split_column_names", "cv_split_column_names", refused="Give `n_cross_validations`."
    ),
    Setting(
        "test_data", "test_data", refused="Score `outputs/model` in a run of its own."
    ),
    Setting(
        "test_size",
        "test_data_size",
        refused="Score `outputs/model` in a run of its own.",
        harmless=(0, 0.0),
    ),
    Setting(
        "enable_dnn", "training.enable_dnn_training", refused="There is no deep learning here."
    ),
    Setting("enable_tf", "", refused="There is no deep learning here."),
    Setting(
        "enable_onnx_compatible_models",
        "training.enable_onnx_compatible_models",
        refused="Convert `outputs/model` with skl2onnx.",
    ),
    Setting("spark_context", "", refused="A search runs on one machine."),
    Setting("enable_distributed_dnn_training", "", refused="A search runs on one machine."),
    Setting("enable_subsampling", "", refused="Every trial learns from all rows."),
    Setting("hierarchy_column_names", "", refused=_ONE_LEVEL),
    Setting("partition_column_names", "", refused=_ONE_LEVEL),
    Setting("environment_label", "", refused="A search brings an environment of its own."),
    Setting("", "training.training_mode", unused="A search runs on one machine.",
            harmless=("non_distributed",)),
    Setting("", "training.custom_model_settings", refused="Leave it out."),
    # --- what changes nothing
    Setting(
        "max_concurrent_iterations",
        "limits.max_concurrent_trials",
        unused="Trials follow each other, each with the cores that it is given.",
        harmless=(1,),
    ),
    Setting("", "limits.max_nodes", unused="A search runs on one machine.", harmless=(1,)),
    Setting(
        "model_explainability",
        "training.enable_model_explainability",
        unused="No explanations are computed: use the package shap on `outputs/model`.",
    ),
    Setting("enable_feature_sweeping", "", unused="Features are made once."),
    Setting("preprocess", "", unused="Featurization is on unless it is `off`."),
    Setting("debug_log", "", unused="The log is the run's, `user_logs/std_log.txt`."),
    Setting("verbosity", "log_verbosity", unused="The log is the run's, `user_logs/std_log.txt`."),
    Setting("path", "", unused="The search sends no files of yours."),
    Setting("ensemble_iterations", "", unused="An ensemble has the best model of each kind."),
    Setting("iteration_timeout", "", unused="Give `iteration_timeout_minutes`."),
    Setting("enable_local_managed", "", unused="A search always has an environment of its own."),
    Setting("enable_code_generation", "", unused="No code is generated.", harmless=(True,)),
    Setting("enable_split_run", "", unused="A search is one run."),
    Setting("enable_batch_run", "", unused="A search is one run.", harmless=(True,)),
    Setting("n_step", "", unused="A search is one run."),
    Setting("num_classes", "", unused="Classes are counted."),
    Setting("auto_blacklist", "", unused="A model that fails ends in its trial."),
    Setting("max_concurrent_runs", "", unused="A search is one run."),
    Setting("blacklist_samples_reached", "", unused="A model that fails ends in its trial."),
    Setting("exclude_nan_labels", "", unused="Rows without a label are left out.",
            harmless=(True,)),
    Setting("enable_ensembling", "", "voting"),
    Setting("", "training.ensemble_model_download_timeout", unused="Nothing is downloaded."),
    Setting("ensemble_download_models_timeout_sec", "", unused="Nothing is downloaded."),
    Setting("", "training.stack_ensemble_settings", refused="Leave it out."),
    Setting("stack_meta_learner_type", "", refused="Leave it out."),
    Setting("stack_meta_learner_kwargs", "", refused="Leave it out."),
    Setting("stack_meta_learner_train_percentage", "", refused="Leave it out."),
)  # fmt: skip
"""Every setting of `AutoMLConfig` and of automl jobs, and what becomes of it."""
