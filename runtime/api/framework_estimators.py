"""Estimators of frameworks: ``PyTorch``, ``TensorFlow``, ``Chainer`` and ``SKLearn``.

Each adds the packages of a framework's version, as azureml-train-core did. Packages of the same
name that the user lists win; a conda file replaces them all.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final

from infra.contract.errors import UsageError
from infra.contract.meant import version_meant
from runtime.api.conda_dependencies import CondaDependencies
from runtime.api.estimator import Estimator
from runtime.api.estimator_rules import EstimatorSettings

__all__ = ["Chainer", "PyTorch", "SKLearn", "TensorFlow"]

_PYTHON: Final = "3.6.2"
"""The Python of all these versions in azureml-train-core; later ones have no wheels of some."""
_TORCH: Final = ("tensorboard==1.14.0", "future==0.17.1")

# Framework → version → the packages, and Horovod's version for MPI. azureml-train-core paired some
# releases of torch with a torchvision that needs another; each here has its own.
_PACKAGES: Final[Mapping[str, Mapping[str, tuple[Sequence[str], str]]]] = {
    "PyTorch": {
        "1.0": (("torch==1.0.0", "torchvision==0.2.1"), "0.18.1"),
        "1.1": (("torch==1.1.0", "torchvision==0.3.0", *_TORCH), "0.18.1"),
        "1.2": (("torch==1.2.0", "torchvision==0.4.0", *_TORCH), "0.18.1"),
        "1.3": (("torch==1.3.1", "torchvision==0.4.2", *_TORCH), "0.18.1"),
        "1.4": (("torch==1.4.0", "torchvision==0.5.0", *_TORCH), "0.18.1"),
        "1.5": (("torch==1.5.0", "torchvision==0.6.0", *_TORCH), "0.19.1"),
        "1.6": (("torch==1.6.0", "torchvision==0.7.0", *_TORCH), "0.19.5"),
    },
    "TensorFlow": {
        "1.10": (("tensorflow==1.10.0",), "0.15.2"),
        "1.12": (("tensorflow==1.12.0",), "0.15.2"),
        "1.13": (("tensorflow==1.13.1",), "0.16.1"),
        "2.0": (("tensorflow==2.0.0",), "0.18.1"),
        "2.1": (("tensorflow==2.1.0",), "0.19.1"),
        "2.2": (("tensorflow==2.2.0",), "0.19.5"),
        "2.3": (("tensorflow==2.3.0",), "0.20.0"),
    },
    "Chainer": {
        "5.1.0": (("chainer==5.1.0", "mpi4py==3.0.0"), ""),
        "7.0.0": (("chainer==7.0.0", "mpi4py==3.0.0"), ""),
    },
    "SKLearn": {
        "0.20.3": (("scikit-learn==0.20.3", "scipy==1.2.1", "joblib==0.13.2"), ""),
    },
}
_CUPY: Final = {"5.1.0": "cupy-cuda90==5.2.0", "7.0.0": "cupy-cuda90==7.0.0"}


class FrameworkEstimator(Estimator):
    """An estimator with the packages of a framework, in ``framework_version``."""

    DEFAULT_VERSION: ClassVar[str] = ""

    def __init__(
        self,
        source_directory: str | Path,
        *,
        framework_version: str | None = None,
        **parameters: object,
    ) -> None:
        name = type(self).__name__
        versions = self.get_supported_versions()
        self.framework_version = str(framework_version or self.DEFAULT_VERSION)
        if self.framework_version not in versions:
            near = version_meant(self.framework_version, versions)
            raise UsageError(
                f"{name} has no version {framework_version!r}.",
                remedy=(f"The nearest is {near!r}" if near else "It has others")
                + f" (all: {', '.join(versions)}). Of other versions, list the packages:"
                " Estimator(…, pip_packages=[…]).",
            )
        if framework_version is None and len(versions) > 1:
            warnings.warn(
                f"framework_version is not given; {name} uses {self.DEFAULT_VERSION}.",
                stacklevel=2,
            )
        parameters.pop("_enable_optimized_mode", None)
        parameters.pop("_disable_validation", None)
        super().__init__(source_directory, **parameters)  # type: ignore[arg-type]

    @classmethod
    def get_supported_versions(cls) -> list[str]:
        """Return the versions of the framework, oldest first."""
        return list(_PACKAGES[cls.__name__])

    def _add_framework(self, packages: CondaDependencies, settings: EstimatorSettings) -> None:
        if settings.user_managed:
            return
        listed, horovod = _PACKAGES[type(self).__name__][self.framework_version]
        packages.set_python_version(_PYTHON)
        for package in listed:
            gpu = settings.use_gpu and package.startswith("tensorflow==")
            packages.add_pip_package(package.replace("==", "-gpu==", 1) if gpu else package)
        if horovod and self._run_by_mpi(settings):
            packages.add_pip_package(f"horovod=={horovod}")

    @staticmethod
    def _run_by_mpi(settings: EstimatorSettings) -> bool:
        return (settings.distributed_backend or "").lower() == "mpi" or (
            type(settings.distributed_training).__name__ in {"Mpi", "MpiConfiguration"}
        )


class PyTorch(FrameworkEstimator):
    """An estimator for PyTorch; distributed by ``mpi`` (Horovod), ``gloo`` or ``nccl``."""

    BACKENDS = ("mpi", "gloo", "nccl")
    DEFAULT_VERSION = "1.3"


class TensorFlow(FrameworkEstimator):
    """An estimator for TensorFlow; distributed by ``mpi`` (Horovod) or ``ps``.

    ``worker_count`` and ``parameter_server_count`` belong to ``distributed_backend='ps'``.
    """

    BACKENDS = ("mpi", "ps")
    DEFAULT_VERSION = "1.13"

    def __init__(
        self,
        source_directory: str | Path,
        *,
        worker_count: int = 1,
        parameter_server_count: int = 1,
        **parameters: object,
    ) -> None:
        self._counts = (worker_count, parameter_server_count)
        super().__init__(source_directory, **parameters)  # type: ignore[arg-type]

    def _use(self, settings: EstimatorSettings) -> None:
        workers, servers = self._counts
        super()._use(replace(settings, worker_count=workers, parameter_server_count=servers))


class Chainer(FrameworkEstimator):
    """An estimator for Chainer; distributed by ``mpi``."""

    BACKENDS = ("mpi",)
    DEFAULT_VERSION = "5.1.0"

    def _add_framework(self, packages: CondaDependencies, settings: EstimatorSettings) -> None:
        super()._add_framework(packages, settings)
        if settings.use_gpu and not settings.user_managed:
            packages.add_pip_package(_CUPY[self.framework_version])


class SKLearn(FrameworkEstimator):
    """An estimator for scikit-learn, in one process on one node."""

    BACKENDS = ()
    DEFAULT_VERSION = "0.20.3"
