"""Which names ``azureml`` has inside a run, by module, and what to use instead of those it has not.

``MODULES``: name → where it is. ``LATE``: names that scripts import and that refuse when used.
"""

import typing

Names = typing.Dict[str, str]


def _of(place: str, names: str) -> Names:
    """Return names that are in one module here under the same name."""
    return {name: f"{place}:{name}" for name in names.split()}


_RUN = _of("run", "Run get_run")
_EXPERIMENT = _of("experiment", "Experiment")
_WORKSPACE = _of("workspace", "Workspace")
_KEYVAULT = _of("keyvault", "Keyvault")
_AUTHENTICATION = _of(
    "authentication",
    "AbstractAuthentication AzureCliAuthentication InteractiveLoginAuthentication MsiAuthentication"
    " ServicePrincipalAuthentication TokenAuthentication",
)
_ERRORS = _of(
    "errors",
    "ActivityFailedException AuthenticationException AzureMLException ComputeTargetException"
    " DatasetTimestampMissingError ExperimentExecutionException ModelNotFoundException"
    " ModelPathNotFoundException ProjectSystemException RunConfigurationException"
    " RunEnvironmentException ServiceException SnapshotException TrainingException"
    " UserErrorException WebserviceException WorkspaceException",
)
_CONDA = _of("conda_dependencies", "CondaDependencies")
_ENVIRONMENT = _of("environment", "DockerSection Environment PythonSection")
_CONFIGURATION = _of("run_configuration", "RunConfiguration")
_SCRIPT_RUN_CONFIG = _of("run_configuration", "ScriptRunConfig")
_DATASTORE = _of(".assets.datastore", "Datastore")
_STORES = _of(
    ".assets.datastore",
    "AzureBlobDatastore AzureDataLakeDatastore AzureDataLakeGen2Datastore AzureFileDatastore",
)
_MODEL = _of("models", "Model")
_RESOURCES = _of(".assets.resource_configuration", "ResourceConfiguration")
_PATHS = _of(".assets.references", "DataPath DataPathComputeBinding")
_REFERENCES = _of(".assets.references", "DataReference")
_DATASET = _of(".assets.dataset", "Dataset")
_FACTORIES = _of(".assets.dataset_factory", "FileDatasetFactory TabularDatasetFactory")
_TYPES = _of(".assets.column_types", "DataType PromoteHeadersBehavior")
_FILES = _of(".assets.file_dataset", "FileDataset")
_TABLES = _of(".assets.tabular_dataset", "TabularDataset")
_CONSUMPTION = _of(".assets.consumption", "DatasetConsumptionConfig")
_OUTPUTS = _of(".assets.output_dataset", "OutputFileDatasetConfig")
MODULES: typing.Dict[str, Names] = {
    "azureml.core": {
        **_RUN,
        **_EXPERIMENT,
        **_WORKSPACE,
        **_KEYVAULT,
        **_DATASET,
        **_DATASTORE,
        **_MODEL,
        **_of("environment", "Environment"),
        **_CONFIGURATION,
        **_SCRIPT_RUN_CONFIG,
        **_of("versions", "VERSION"),
    },
    "azureml.core.run": {
        **_RUN,
        **_of("run", "_SubmittedRun has_azureml_context"),
        "_OfflineRun": "offline:OfflineRun",
    },
    "azureml.core.authentication": _AUTHENTICATION,
    "azureml.core.conda_dependencies": _CONDA,
    "azureml.core.dataset": _DATASET,
    "azureml.core.datastore": _DATASTORE,
    "azureml.core.environment": {**_ENVIRONMENT, **_CONDA},
    "azureml.core.experiment": _EXPERIMENT,
    "azureml.core.keyvault": _KEYVAULT,
    "azureml.core.model": {**_MODEL, **_of(".assets.model", "Framework")},
    "azureml.core.resource_configuration": _RESOURCES,
    "azureml.core.runconfig": {**_CONFIGURATION, **_CONDA, **_ENVIRONMENT},
    "azureml.core.script_run_config": _SCRIPT_RUN_CONFIG,
    "azureml.core.workspace": _WORKSPACE,
    "azureml.data": {**_TYPES, **_FILES, **_TABLES, **_FACTORIES, **_OUTPUTS},
    "azureml.data.abstract_dataset": _of(".assets.abstract_dataset", "AbstractDataset"),
    "azureml.data.azure_storage_datastore": _STORES,
    "azureml.data.data_reference": _REFERENCES,
    "azureml.data.datapath": _PATHS,
    "azureml.data.dataset_consumption_config": _CONSUMPTION,
    "azureml.data.dataset_factory": {**_FACTORIES, **_TYPES},
    "azureml.data.dataset_type_definitions": _TYPES,
    "azureml.data.file_dataset": _FILES,
    "azureml.data.output_dataset_config": _OUTPUTS,
    "azureml.data.tabular_dataset": _TABLES,
    "azureml.data.dataset_error_handling": _of(
        "errors", "DatasetExecutionError DatasetValidationError"
    ),
    "azureml.exceptions": _ERRORS,
    "azureml.logging": _of("workbench_logger", "get_azureml_logger"),
    "azureml._common": {},
    "azureml._common.exceptions": _of("errors", "AzureMLException"),
    "azureml._common._error_definition": {},
}
_OUTSIDE = "Do this outside the run: `from aml_platform import …`, or `aml v1 run SCRIPT`."
_DEPLOYING = "Web services are not offered; serve a registered model with Azure ML's own tools."


def _late(instead: str, names: str) -> Names:
    return dict.fromkeys(names.split(), instead)


LATE: typing.Dict[str, Names] = {
    "azureml.core": {
        **_late(_DEPLOYING, "Image Webservice"),
        **_late(
            _OUTSIDE,
            "ComputeTarget ContainerRegistry LinkedService PrivateEndPoint PrivateEndPointConfig"
            " ScriptRun diagnostic_log",
        ),
    },
    "azureml.core.compute": _late(
        _OUTSIDE,
        "AdlaCompute AksCompute AmlCompute BatchCompute ComputeInstance ComputeTarget"
        " DataFactoryCompute DatabricksCompute DsvmCompute HDInsightCompute KubernetesCompute"
        " KustoCompute RemoteCompute SynapseCompute",
    ),
    "azureml.core.compute_target": _late(_OUTSIDE, "AbstractComputeTarget LocalTarget"),
    "azureml.core.container_registry": _late(_OUTSIDE, "ContainerRegistry RegistryIdentity"),
    "azureml.core.image": _late(_DEPLOYING, "ContainerImage Image"),
    "azureml.core.model": _late(_DEPLOYING, "InferenceConfig ModelPackage"),
    "azureml.core.profile": _late(_DEPLOYING, "ModelProfile"),
    "azureml.core.runconfig": _late(
        _OUTSIDE,
        "AmlComputeConfiguration Data DataLocation DataReferenceConfiguration Dataset"
        " DockerConfiguration EnvironmentDefinition HdiConfiguration HistoryConfiguration"
        " MpiConfiguration OutputData ParallelTaskConfiguration PyTorchConfiguration"
        " SparkConfiguration TensorflowConfiguration",
    ),
    "azureml.core.webservice": _late(
        _DEPLOYING, "AciWebservice AksEndpoint AksWebservice LocalWebservice Webservice"
    ),
}
MODULES["azureml.core.compute_target"] = _of("errors", "ComputeTargetException")
AFTER_ALL = (
    "docs/azureml-in-a-run.md lists what is; for Microsoft's own package submit with"
    " --keep-azureml."
)
_PACKAGES = (
    "It is a package of its own, which the run's environment does not have. Add it there and submit"
    " with --keep-azureml, or do this outside the run."
)
INSTEAD: Names = {
    **dict.fromkeys(
        (
            "azureml.automl",
            "azureml.contrib",
            "azureml.interpret",
            "azureml.opendatasets",
            "azureml.pipeline",
            "azureml.telemetry",
            "azureml.train",
            "azureml.widgets",
        ),
        _PACKAGES,
    ),
    "azureml.mlflow": "The run's tracking server is set: `import mlflow` alone is enough.",
}


def instead_of(module: str, name: str) -> str:
    """Return what to use instead of a name that is not offered."""
    return LATE.get(module, {}).get(name, AFTER_ALL)
