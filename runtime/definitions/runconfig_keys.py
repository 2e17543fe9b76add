"""Every key of azureml-core's run configurations, and what becomes of it here.

The names, and the values they may have, are azureml-core's.
"""

from typing import Final

from runtime.definitions.databricks_options import LIBRARY_KEYS
from runtime.definitions.keys import Meaning
from runtime.definitions.shapes import Key, Kind

_NO_EFFECT, _REFUSED = Meaning.NO_EFFECT, Meaning.REFUSED
_TEXT, _WHOLE, _FLAG, _TEXTS = Kind.TEXT, Kind.WHOLE, Kind.FLAG, Kind.TEXTS

FRAMEWORKS: Final = (
    *("Python", "PySpark", "R", "Cntk", "TensorFlow", "PyTorch", "TensorFlowParameterServer"),
    *("PythonMpi", "PythonIntelMpi", "PySparkInteractive"),
)
COMMUNICATORS: Final = (*("None", "ParameterServer", "OpenMpi", "IntelMpi", "Mpi", "Gloo", "Nccl"),)

_DATA_LOCATION: Final = (
    Key(
        "dataset",
        Kind.SECTION,
        "A registered dataset, by name.",
        keys=(
            Key("id", text="Read only with a name beside it: an id says nothing outside Azure."),
            Key("name", text="The dataset's name."),
            Key("version", text="Its version. Default: the latest."),
        ),
    ),
    Key(
        "dataPath",
        Kind.SECTION,
        "A path on a datastore.",
        keys=(
            Key("datastoreName", text="The datastore. Default: the workspace's default."),
            Key("relativePath", text="The path on it."),
        ),
    ),
    Key(
        "uri",
        Kind.SECTION,
        "An address.",
        keys=(
            Key("path", text="An http(s) address, or `azureml://datastores/NAME/paths/PATH`."),
            Key("isFile", _FLAG, "The address itself says so.", _NO_EFFECT),
        ),
    ),
)

_DATA: Final = (
    Key("dataLocation", Kind.SECTION, "Where the data is.", keys=_DATA_LOCATION),
    Key(
        "mechanism",
        text="How the script gets it. Default: `Mount`.",
        choices=("Direct", "Mount", "Download", "Upload"),
    ),
    Key("environmentVariableName", text="A further variable with its path."),
    Key("pathOnCompute", text="Where it is put."),
    Key("overwrite", _FLAG, "Whether existing files are replaced."),
    Key("createOutputDirectories", _FLAG, "Folders of outputs always exist.", _NO_EFFECT),
    Key("options", Kind.FREE, "data is read without Azure's data runtime.", _REFUSED),
)

DATA_REFERENCE: Final = (
    Key("dataStoreName", text="The datastore. Default: the workspace's default."),
    Key(
        "mode",
        text="`Upload` makes it an output. Default: `Mount`.",
        choices=("Mount", "Download", "Upload"),
    ),
    Key("pathOnDataStore", text="The path on the datastore."),
    Key("pathOnCompute", text="Where it is put."),
    Key("overwrite", _FLAG, "Whether existing files are replaced."),
)

_OUTPUT_OPTIONS: Final = (
    Key("pathOnCompute", text="The folder that the script writes."),
    Key(
        "registrationOptions",
        Kind.SECTION,
        "Registers the output as a dataset.",
        keys=(
            Key("name", text="The dataset's name."),
            Key("description", text="registered outputs have no description.", meaning=_REFUSED),
            Key("tags", Kind.FREE, "registered outputs have no tags.", _REFUSED),
            Key(
                "datasetRegistrationOptions",
                Kind.SECTION,
                "Transformations of a dataset.",
                keys=(
                    Key(
                        "additionalTransformation",
                        Kind.FREE,
                        "data is stored without Azure's data runtime.",
                        _REFUSED,
                    ),
                ),
            ),
        ),
    ),
    Key(
        "uploadOptions",
        Kind.SECTION,
        "How the output is stored.",
        keys=(
            Key("overwrite", _FLAG, "Whether existing files are replaced."),
            Key(
                "sourceGlobs",
                Kind.SECTION,
                "Which files are stored.",
                keys=(
                    Key(
                        "patterns",
                        _TEXTS,
                        "the whole folder is stored.",
                        _REFUSED,
                        remedy="Write only what is to be stored to the folder.",
                    ),
                ),
            ),
        ),
    ),
    Key(
        "mountOptions",
        Kind.SECTION,
        "An output is stored when the script ends, not mounted.",
        keys=(Key("disableMetadataCache", _FLAG, "There is no cache.", _NO_EFFECT),),
    ),
)

_OUTPUT: Final = (
    Key("outputLocation", Kind.SECTION, "Where the output is stored.", keys=_DATA_LOCATION),
    Key(
        "mechanism",
        text="Both store the folder when the script ends.",
        choices=("Mount", "Upload"),
    ),
    Key("additionalOptions", Kind.SECTION, "How.", keys=_OUTPUT_OPTIONS),
)

_PYTHON: Final = (
    Key("userManagedDependencies", _FLAG, "Use `interpreterPath` as it is; install nothing."),
    Key("interpreterPath", text="The interpreter, if nothing is installed. Default: `python`."),
    Key("condaDependenciesFile", text="A conda file: what is installed."),
    Key("condaDependencies", Kind.FREE, "A conda document: what is installed."),
    Key("baseCondaEnvironment", text="An existing conda environment, used as it is."),
)

_ENVIRONMENT_DOCKER: Final = (
    Key("enabled", _FLAG, "Whether the script runs in a container."),
    Key("baseImage", text="The image of the container."),
    Key("baseDockerfile", text="A Dockerfile, or its path: what the image is made from."),
    Key(
        "buildContext",
        Kind.SECTION,
        "A folder with a Dockerfile: what the image is made from.",
        keys=(
            Key(
                "locationType", text="A folder of the project is the only type.", meaning=_NO_EFFECT
            ),
            Key("location", text="The folder."),
            Key("dockerfilePath", text="The Dockerfile in it. Default: `Dockerfile`."),
        ),
    ),
    Key("sharedVolumes", _FLAG, "Whether the container sees the working folder."),
    Key("shmSize", text="The container's shared memory, such as `2g`."),
    Key("gpuSupport", _FLAG, "Whether the container sees the GPUs."),
    Key("arguments", _TEXTS, "Further arguments of `docker run`."),
    Key(
        "preparation",
        Kind.SECTION,
        "Commands that change the image.",
        keys=(
            Key(
                "commandLine",
                text="an image is made by its Dockerfile.",
                meaning=_REFUSED,
                remedy="Write the commands as `RUN` lines of a `baseDockerfile`.",
            ),
        ),
    ),
    Key(
        "baseImageRegistry",
        Kind.SECTION,
        "A private registry.",
        keys=(
            Key("address", text="Its address."),
            Key("username", text="The user; needs a password."),
            Key("password", text="The password, `env:NAME` or `file:PATH`."),
            Key(
                "registryIdentity",
                Kind.FREE,
                "a registry is reached with a user and a password, or by the cluster's identity.",
                _REFUSED,
                remedy="Grant the cluster's identity the role AcrPull, and remove the key.",
            ),
        ),
    ),
    Key(
        "platform",
        Kind.SECTION,
        "The platform of the image.",
        keys=(
            Key("os", text="only Linux images run.", meaning=_REFUSED, idle=("Linux", "linux")),
            Key("architecture", text="only amd64 images run.", meaning=_REFUSED, idle=("amd64",)),
        ),
    ),
)

_SPARK_PACKAGES: Final = (
    Key("repositories", _TEXTS, "Maven repositories of Spark packages."),
    Key(
        "packages",
        Kind.SECTIONS,
        "Spark packages.",
        keys=(
            Key("group", text="The group."),
            Key("artifact", text="The artifact."),
            Key("version", text="The version."),
        ),
    ),
    Key("precachePackages", _FLAG, "Spark loads packages when a run starts.", _NO_EFFECT),
)

ENVIRONMENT: Final = (
    Key("name", text="A label."),
    Key("version", text="A label."),
    Key("environmentVariables", Kind.VARIABLES, "Variables of the script."),
    Key("python", Kind.SECTION, "What is installed.", keys=_PYTHON),
    Key("docker", Kind.SECTION, "The container.", keys=_ENVIRONMENT_DOCKER),
    Key("spark", Kind.SECTION, "Packages of PySpark scripts.", keys=_SPARK_PACKAGES),
    Key("databricks", Kind.SECTION, "Libraries of runs on Databricks.", keys=LIBRARY_KEYS),
    Key("inferencingStackVersion", Kind.FREE, "Only deployments read it.", _NO_EFFECT),
    Key(
        "r",
        Kind.FREE,
        "packages of R are not installed.",
        _REFUSED,
        remedy="Use an image that has them.",
    ),
    Key("assetId", Kind.FREE, "The id of a copy in one workspace.", _NO_EFFECT),
    Key("autoRebuild", _FLAG, "A changed environment is always built anew.", _NO_EFFECT),
    Key("inferenceStackVersion", Kind.FREE, "Only deployments read it.", _NO_EFFECT),
)

_PREPARES: Final = "False: the run is refused unless its environment has been prepared."

_OF_WORKBENCH: Final = (
    ("argumentVector", "`script` and `arguments`"),
    ("condaDependenciesFile", "it below `environment.python`"),
    ("sparkDependenciesFile", "`spark` and `environment.spark`"),
    ("trackedRun", "`history.outputCollection`"),
)

_OF_THE_SERVICE: Final = (
    Key(
        "identity",
        Kind.FREE,
        "a run has the identity of its cluster.",
        _REFUSED,
        remedy="Give the cluster an identity with the roles that the script needs.",
    ),
    Key("instanceTypes", Kind.FREE, "the target decides.", _REFUSED),
    Key("aiSuperComputer", Kind.FREE, "A service inside Microsoft.", _NO_EFFECT),
    Key("cmk8sCompute", Kind.FREE, "runs do not use Kubernetes computes.", _REFUSED),
    Key("cmAksCompute", Kind.FREE, "runs do not use Kubernetes computes.", _REFUSED),
    Key(
        "commandReturnCodeConfig",
        Kind.FREE,
        "a run has succeeded if its exit code is 0.",
        _REFUSED,
        idle=({"returnCode": "Zero", "successfulReturnCodes": []},),
    ),
    Key("parameters", Kind.FREE, "write them as `arguments`.", _REFUSED),
)
"""Keys that azureml-core does not write: the service's, in the definition of a run."""

RUN_CONFIGURATION: Final = (
    Key("script", text="The script, relative to the source folder."),
    Key("command", Kind.LINE, "A line for the shell, in place of `script` and `arguments`."),
    Key("useAbsolutePath", _FLAG, "the script is found in the source folder.", _REFUSED),
    Key("arguments", _TEXTS, "The script's arguments; a text is split as a shell does."),
    Key("target", text="`local`, or a target of the stack. Default: `local`."),
    Key("framework", text="What runs the script. Default: `Python`.", choices=FRAMEWORKS),
    Key("communicator", text="How processes talk. Default: `None`.", choices=COMMUNICATORS),
    Key("maxRunDurationSeconds", _WHOLE, "The time limit. Default: 30 days."),
    Key("nodeCount", _WHOLE, "The number of nodes. Default: 1."),
    Key("priority", _WHOLE, "The priority in a cluster's queue."),
    Key("autoPrepareEnvironment", _FLAG, _PREPARES, also=("prepareEnvironment",)),
    Key("jobName", text="The run's display name."),
    Key("sourceDirectoryDataStore", text="Code is kept in the snapshot store.", meaning=_NO_EFFECT),
    Key("exposedPorts", Kind.FREE, "azureml-core never used it.", _NO_EFFECT),
    Key(
        "credentialPassthrough",
        _FLAG,
        "a run has no credentials of yours.",
        _REFUSED,
        remedy="Give the cluster an identity with the roles that the script needs.",
    ),
    Key("environmentVariables", Kind.VARIABLES, "Variables of the script."),
    Key(
        "environment",
        Kind.SECTION,
        "What the script runs in; or the path of a file with this section.",
        keys=ENVIRONMENT,
        text_or_section=True,
    ),
    Key(
        "history",
        Kind.SECTION,
        "What is recorded.",
        keys=(
            Key("outputCollection", _FLAG, "Whether metrics, outputs and logs are kept."),
            Key(
                "snapshotProject",
                _FLAG,
                "A run always works on a snapshot of the source folder.",
                _NO_EFFECT,
            ),
            Key(
                "directoriesToWatch",
                _TEXTS,
                "only `logs` is streamed, and `outputs` collected at the end.",
                _REFUSED,
                idle=(["logs"], ["outputs"], ["logs", "outputs"], ["outputs", "logs"]),
                remedy="Write these files to ./logs.",
            ),
            Key("enableMLflowTracking", _FLAG, "Every run has MLflow tracking.", _NO_EFFECT),
            Key("ambientAuthentication", Kind.FREE, "a run has no credentials of yours.", _REFUSED),
        ),
    ),
    Key(
        "spark",
        Kind.SECTION,
        "Settings of PySpark scripts.",
        keys=(Key("configuration", Kind.VARIABLES, "Spark's configuration."),),
    ),
    Key("databricks", Kind.FREE, "How a run on Databricks uses it: docs/databricks.md."),
    Key("batch", Kind.FREE, "How a run on Azure Batch uses it: docs/batch.md."),
    Key(
        "docker",
        Kind.SECTION,
        "How a container is run; before `environment.docker`.",
        keys=(
            Key("useDocker", _FLAG, "Whether the script runs in a container."),
            Key("sharedVolumes", _FLAG, "Whether the container sees the working folder."),
            Key("arguments", _TEXTS, "Further arguments of `docker run`."),
            Key("shmSize", text="The container's shared memory, such as `2g`."),
        ),
    ),
    Key(
        "hdi",
        Kind.SECTION,
        "Settings of HDInsight.",
        keys=(
            Key(
                "yarnDeployMode",
                text="Where Spark's driver runs.",
                choices=("None", "Client", "Cluster"),
            ),
            Key(
                "submitThrough",
                text="How the cluster is reached; azureml-core has no such key.",
                choices=("ssh", "livy"),
            ),
        ),
    ),
    Key(
        "tensorflow",
        Kind.SECTION,
        "Processes of framework TensorFlow, or communicator ParameterServer.",
        keys=(
            Key("workerCount", _WHOLE, "The number of workers."),
            Key("parameterServerCount", _WHOLE, "The number of parameter servers."),
        ),
    ),
    Key(
        "mpi",
        Kind.SECTION,
        "Processes of the MPI communicators.",
        keys=(
            Key("processCountPerNode", _WHOLE, "Processes on each node."),
            Key("nodeCount", _WHOLE, "The number of nodes, if `nodeCount` is 1."),
        ),
    ),
    Key(
        "pytorch",
        Kind.SECTION,
        "Processes of the communicators Nccl and Gloo.",
        keys=(
            Key(
                "communicationBackend",
                text="The backend.",
                choices=("nccl", "gloo", "mpi"),
            ),
            Key("processCount", _WHOLE, "Processes on all nodes. Default: one a node."),
            Key("nodeCount", _WHOLE, "The number of nodes, if `nodeCount` is 1."),
        ),
    ),
    Key(
        "paralleltask",
        Kind.SECTION,
        "Settings of parallel tasks, which only pipelines have.",
        keys=(
            Key("maxRetriesPerWorker", _WHOLE, "Only pipelines read it.", _NO_EFFECT),
            Key("workerCountPerNode", _WHOLE, "Only pipelines read it.", _NO_EFFECT),
            Key("terminalExitCodes", Kind.FREE, "Only pipelines read it.", _NO_EFFECT),
            Key("configuration", Kind.FREE, "Only pipelines read it.", _NO_EFFECT),
        ),
    ),
    Key(
        "amlcompute",
        Kind.SECTION,
        "Of the target `amlcompute`: a cluster that is made for the run and deleted after it.",
        keys=(
            Key("name", text="The cluster's name. Default: after the run's id."),
            Key("vmSize", text="The size of its nodes."),
            Key("vmPriority", text="`dedicated` (default) or `lowpriority`."),
            Key("retainCluster", _FLAG, "Whether it is kept after the run."),
            Key("clusterMaxNodeCount", _WHOLE, "The most nodes it may have. Default: `nodeCount`."),
        ),
    ),
    Key(
        "batchAi",
        Kind.SECTION,
        "The service that AmlCompute replaced.",
        keys=(
            Key("nodeCount", _WHOLE, "The number of nodes, if `nodeCount` is 1."),
            Key("dockerRegistry", Kind.FREE, "the service no longer exists.", _REFUSED),
        ),
    ),
    Key(
        "containerInstance",
        Kind.SECTION,
        "Of the target `containerinstance`: a container made for the run, which is refused.",
        keys=(
            Key("region", text="Its region."),
            Key("cpuCores", Kind.NUMBER, "Its cores."),
            Key("memoryGb", Kind.NUMBER, "Its memory."),
        ),
    ),
    Key(
        "kubernetescompute",
        Kind.SECTION,
        "Settings of attached Kubernetes clusters.",
        keys=(Key("instanceType", text="runs do not use Kubernetes computes.", meaning=_REFUSED),),
    ),
    Key("autoClusterComputeSpecification", Kind.FREE, "the target decides.", _REFUSED),
    Key("datacaches", Kind.FREE, "data is read from its datastore.", _REFUSED),
    Key(
        "services",
        Kind.FREE,
        "a run has no interactive services.",
        _REFUSED,
        also=("applicationEndpoints",),
    ),
    *_OF_THE_SERVICE,
    Key("dataReferences", Kind.NAMED, "Paths on datastores.", keys=DATA_REFERENCE),
    Key("data", Kind.NAMED, "Data that the script reads.", keys=_DATA),
    Key("outputData", Kind.NAMED, "Folders that the script writes.", keys=_OUTPUT),
    *(
        Key(
            name,
            Kind.FREE,
            "a file with `environment` is in azureml-core's format, and this is a key of"
            " Workbench's.",
            _REFUSED,
            remedy=f"Write {instead}.",
        )
        for name, instead in _OF_WORKBENCH
    ),
)
"""The keys of a file; those of Workbench's format are refused beside `environment`."""
