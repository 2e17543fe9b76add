"""What the curated environments of Azure ML install, where there is no Azure to build them.

Read off their published Dockerfiles and package lists on the dates given. They change; images
(CUDA, MPI) are not part of this. `azureml-*` packages are named, as there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from runtime.environments.conda_yaml import write_yaml

PREFIX: Final = "AzureML-"
"""How the names of most curated environments begin."""
REGISTRY: Final = "azureml"
"""The registry of Azure ML that has them."""
_SDK: Final = ("azureml-core", "azureml-defaults", "azureml-mlflow", "azureml-telemetry")


@dataclass(frozen=True, slots=True)
class Curated:
    """A Python version, pip packages, and the date of what was read, as ISO 8601."""

    python: str
    packages: Sequence[str]
    date: str

    def conda(self) -> str:
        """Return it as the text of a conda document."""
        return write_yaml(
            {"dependencies": [f"python={self.python}", "pip", {"pip": list(self.packages)}]}
        )


_SKLEARN_0_24: Final = Curated(
    "3.7",
    (
        *("matplotlib>=3.3,<3.4", "psutil>=5.8,<5.9", "tqdm>=4.59,<4.60", "pandas>=1.1,<1.2"),
        *("scipy>=1.5,<1.6", "numpy>=1.10,<1.20", "ipykernel~=6.0", *_SDK),
        "scikit-learn==0.24.1",
    ),
    "2021-11-11",
)
_SKLEARN_1_0: Final = Curated(
    "3.8",
    (
        *("matplotlib~=3.5.0", "psutil~=5.8.0", "tqdm~=4.62.0", "pandas~=1.3.0", "scipy~=1.7.0"),
        *("numpy~=1.21.0", "ipykernel~=6.0", *_SDK, "scikit-learn~=1.0.0", "debugpy~=1.6.3"),
    ),
    "2022-10-10",
)
_SKLEARN_1_5: Final = Curated(
    "3.10",
    (
        *("matplotlib", "psutil", "tqdm", "pandas", "scipy", "numpy", "ipykernel", *_SDK),
        "scikit-learn~=1.5.0",
    ),
    "2024-10-01",
)
CURATED: Final[Mapping[str, Curated]] = {
    "AzureML-Minimal": Curated("3.6.2", ("azureml-core", "azureml-defaults"), "2020-07-01"),
    "AzureML-sklearn-0.24-ubuntu18.04-py37-cpu": _SKLEARN_0_24,
    "AzureML-sklearn-0.24-ubuntu18.04-py37-cuda11-gpu": _SKLEARN_0_24,
    "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu": _SKLEARN_1_0,
    "AzureML-sklearn-1.5": _SKLEARN_1_5,
    "sklearn-1.0": _SKLEARN_1_0,
    "sklearn-1.5": _SKLEARN_1_5,
}
