"""``ComputeTarget``, as in azureml-core: a compute that runs can be submitted to."""

from typing import Protocol

from infra.contract.manifest import Manifest
from runtime.api.exceptions import ComputeTargetException, azureml_errors

__all__ = ["ComputeTarget"]


class Deployed(Protocol):
    """Has a manifest, like ``Workspace``."""

    @property
    def manifest(self) -> Manifest: ...


class ComputeTarget:
    """One compute of a workspace.

    ``type`` is the stack file's ``kind``: ``aml_compute``, ``compute_instance``, … Raises
    ``ComputeTargetException`` for a name that was not deployed, and suggests the nearest.
    """

    def __init__(self, workspace: Deployed, name: str) -> None:
        with azureml_errors(ComputeTargetException):
            entry = workspace.manifest.target(name)
        self.name = name
        self.id = entry.id
        self.type = entry.kind
        self.vm_size = entry.vm_size
        self.min_nodes = entry.min_nodes
        self.max_nodes = entry.max_nodes

    def __repr__(self) -> str:
        return f"ComputeTarget(name={self.name!r}, type={self.type!r})"
