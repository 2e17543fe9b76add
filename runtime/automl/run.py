"""A search as an ordinary run: the files that are sent, the environment, the script.

Reads no file but the package's own script.

Whoever runs a search, here or in a service's place, sends `search_files`, installs `requirements`,
and starts `python automl_search.py` with the data as inputs called `TRAINING` and `VALIDATION`, or
as arguments: `training_data=PATH`. Further arguments are the places of copies: `model_folder=PATH`
and `model_file=PATH` of the best model, `metrics_file=PATH` of the metrics of all trials (JSON).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from runtime.automl.spec import AutoMLSpec, Task
from runtime.environments.locking import THIS_PYTHON
from runtime.model.environments import EnvironmentSpec
from runtime.model.runs import MAX_DURATION_S

SCRIPT: Final = "automl_search.py"
SETTINGS_FILE: Final = "automl.json"
REQUIREMENTS_FILE: Final = "requirements.txt"
TRAINING: Final = "training_data"
VALIDATION: Final = "validation_data"
SOURCE: Final = "automl"
"""The value of `azureml.runsource` of the run of a search."""
_PACKAGE: Final = "aml_automl"
_START: Final = f"from {_PACKAGE}.main import main\n\nmain()\n"
_PACKAGES: Final = (
    "flaml==2.7.0",
    "lightgbm==4.7.0",
    "mlflow-skinny==3.17.2",
    "pandas==3.1.1",
    "pyarrow==25.0.1",
    "scikit-learn==1.9.1",
    "scipy==1.17.1",
    "xgboost-cpu==2.1.4",  # the package with the same library as xgboost, 250 MB smaller
)
_OF_TASK: Final[Mapping[Task, tuple[str, ...]]] = {
    "classification": (),
    "regression": (),
    "forecasting": ("statsmodels==0.15.0",),
}


def requirements(task: Task) -> str:
    """Return the packages that a search installs, as the text of a requirements file."""
    return "\n".join(sorted((*_PACKAGES, *_OF_TASK[task]))) + "\n"


def search_environment(task: Task) -> EnvironmentSpec:
    """Return the environment of a search, on the Python that reads its model afterwards: ours."""
    return EnvironmentSpec(
        kind="pip", requirements=requirements(task), python=THIS_PYTHON, name="automl"
    )


def search_files(
    spec: AutoMLSpec,
    tables: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the files of a search, by their POSIX paths.

    ``tables`` are data that is sent with it: `TRAINING` or `VALIDATION` → the text of a CSV file.
    ``names`` are the inputs of the run that have the data, where they are called otherwise.
    """
    sent, inputs = tables or {}, names or {}
    places = {
        name: {"file": f"{name}.csv"} if name in sent else {"input": inputs.get(name, name)}
        for name in (TRAINING, VALIDATION)
    }
    settings = {
        **spec.settings(),
        "training": places[TRAINING],
        "validation": places[VALIDATION] if spec.has_validation else None,
    }
    package = Path(__file__).parent / "in_run"
    scripts = {
        f"{_PACKAGE}/{file.name}": file.read_text(encoding="utf-8")
        for file in sorted(package.glob("*.py"))
    }
    return {
        SCRIPT: _START,
        SETTINGS_FILE: json.dumps(settings, indent=2, sort_keys=True) + "\n",
        REQUIREMENTS_FILE: requirements(spec.task),
        **scripts,
        **{f"{name}.csv": text for name, text in sent.items()},
    }


def longest_s(spec: AutoMLSpec) -> int:
    """Return when the run is stopped: some time after its search should have ended by itself."""
    return min(2 * spec.timeout_s + 3600, MAX_DURATION_S)


def search_properties(spec: AutoMLSpec) -> dict[str, str]:
    """Return the properties of the run of a search, as Azure ML's have them."""
    return {
        "azureml.runsource": SOURCE,
        "runTemplate": "AutoML",
        "task_type": spec.task,
        "primary_metric": spec.metric,
        "num_iterations": str(spec.max_trials),
        "label_column_name": spec.label,
    }
