"""The default images of azureml-core's configurations."""

from typing import Final

from runtime.model.environments import DEFAULT_IMAGE

__all__ = ["DEFAULT_CPU_IMAGE", "DEFAULT_GPU_IMAGE", "MPI_CPU_IMAGE", "MPI_GPU_IMAGE"]

DEFAULT_CPU_IMAGE: Final = DEFAULT_IMAGE
DEFAULT_GPU_IMAGE: Final = "mcr.microsoft.com/azureml/openmpi4.1.0-cuda11.8-cudnn8-ubuntu22.04"
MPI_CPU_IMAGE: Final = DEFAULT_CPU_IMAGE
MPI_GPU_IMAGE: Final = DEFAULT_GPU_IMAGE
