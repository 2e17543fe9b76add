"""Which names ``azureml`` has inside a run, by module, and what to use instead of those it has not.

``MODULES``: name → where it is here. ``LATE``: names that scripts import and that refuse when they
are used.
"""

import typing

_ERRORS = (
    "ActivityFailedException", "AuthenticationException", "AzureMLException",
    "ComputeTargetException", "ExperimentExecutionException", "ModelNotFoundException",
    "ProjectSystemException", "RunConfigurationException", "RunEnvironmentException",
    "ServiceException", "SnapshotException", "TrainingException", "UserErrorException",
    "WebserviceException", "WorkspaceException",
)  # fmt: skip
_RUN = {"Run": "run:Run", "get_run": "run:get_run"}
MODULES: typing.Dict[str, typing.Dict[str, str]] = {
    "azureml.core": {
        **_RUN,
        "Experiment": "experiment:Experiment",
        "VERSION": "versions:VERSION",
        "Workspace": "workspace:Workspace",
    },
    "azureml.core.run": {
        **_RUN,
        "_OfflineRun": "offline:_OfflineRun",
        "_SubmittedRun": "run:_SubmittedRun",
        "has_azureml_context": "run:has_azureml_context",
    },
    "azureml.core.experiment": {"Experiment": "experiment:Experiment"},
    "azureml.core.workspace": {"Workspace": "workspace:Workspace"},
    "azureml.exceptions": {name: f"errors:{name}" for name in _ERRORS},
    "azureml._common.exceptions": {"AzureMLException": "errors:AzureMLException"},
    "azureml._common": {},
}
_OUTSIDE = "Do this outside the run: `from aml_platform import …`, or `aml v1 run SCRIPT`."
LATE: typing.Dict[str, typing.Dict[str, str]] = {
    "azureml.core": {"ComputeTarget": _OUTSIDE},
}
AFTER_ALL = (
    "docs/azureml-in-a-run.md lists what is; for Microsoft's own package submit with"
    " --keep-azureml."
)
INSTEAD: typing.Dict[str, str] = {
    "azureml.pipeline": _OUTSIDE,
    "azureml.train": _OUTSIDE,
}


def instead_of(module: str, name: str) -> str:
    """Return what to use instead of a name that is not offered."""
    return LATE.get(module, {}).get(name, AFTER_ALL)
