"""Every key of the files of Azure ML Workbench (2017), and what becomes of it here.

A target has `NAME.compute` and `NAME.runconfig`; all share a conda file and a Spark file.
"""

from typing import Final

from runtime.definitions.keys import Meaning
from runtime.definitions.runconfig_keys import FRAMEWORKS
from runtime.definitions.shapes import Key, Kind

_NO_EFFECT: Final = Meaning.NO_EFFECT
_TEXT, _FLAG, _WHOLE = Kind.TEXT, Kind.FLAG, Kind.WHOLE
_ATTACHED: Final = "Attached machines are declared in the stack file."
_SAMPLING: Final = "Only data preparation packages of Workbench read it."

COMPUTE_TYPES: Final = (
    *("local", "docker", "localdocker", "remotedocker", "remote", "cluster"),
    *("batchai", "amlcompute", "containerinstance"),
)

WORKBENCH: Final = (
    Key("argumentVector", Kind.TEXTS, "The script and its arguments."),
    Key("target", text="Names the `.compute` file."),
    Key("environmentVariables", Kind.VARIABLES, "Variables of the script."),
    Key(
        "framework",
        text="What runs the script. Default: `PySpark`; `Python` on a local target.",
        choices=FRAMEWORKS,
    ),
    Key(
        "condaDependenciesFile",
        text="A conda file: what is installed. Default: `aml_config/conda_dependencies.yml`.",
        also=("condaFile",),
    ),
    Key(
        "sparkDependenciesFile",
        text="Spark's settings and packages. Default: `aml_config/spark_dependencies.yml`.",
    ),
    Key(
        "prepareEnvironment",
        _FLAG,
        "False: a run in docker is refused unless its environment has been prepared.",
    ),
    Key("trackedRun", _FLAG, "Whether metrics, outputs and logs are kept."),
    Key("managedEnvironment", _FLAG, "False: the interpreter is used as it is."),
    Key("useSampling", Kind.FREE, _SAMPLING, _NO_EFFECT),
    Key("dataSourceSettings", Kind.FREE, _SAMPLING, _NO_EFFECT),
    Key("dataSourceSubstitutions", Kind.FREE, _SAMPLING, _NO_EFFECT),
    Key("description", Kind.FREE, "A remark.", _NO_EFFECT),
    Key("name", Kind.FREE, "The file's name is what counts.", _NO_EFFECT),
)
"""The keys of a `.runconfig` file."""

COMPUTE: Final = (
    Key("type", text="The kind of target.", choices=COMPUTE_TYPES),
    Key("baseDockerImage", text="The image of the container."),
    Key("sharedVolumes", _FLAG, "Whether the container sees the working folder."),
    Key("nvidiaDocker", _FLAG, "Whether the container sees the GPUs."),
    Key(
        "nativeSharedDirectory",
        text="A folder outside the snapshot, in `AZUREML_NATIVE_SHARE_DIRECTORY`.",
    ),
    Key("userManagedEnvironment", _FLAG, "The interpreter is used as it is."),
    Key("pythonLocation", text="The interpreter."),
    Key(
        "sparkSubmitLocation",
        text="Spark is the environment's, that of `SPARK_HOME`, or the one on `PATH`.",
        meaning=Meaning.REFUSED,
        idle=("spark-submit",),
        remedy="Remove it, and set `SPARK_HOME` in `EnvironmentVariables` of the `.runconfig`.",
    ),
    Key("yarnDeployMode", text="Where Spark's driver runs.", choices=("None", "Client", "Cluster")),
    Key("nodeCount", _WHOLE, "The number of nodes."),
    Key("priority", _WHOLE, "The priority in a cluster's queue."),
    Key("address", text=_ATTACHED, meaning=_NO_EFFECT),
    Key("port", Kind.FREE, _ATTACHED, _NO_EFFECT),
    Key("username", text=_ATTACHED, meaning=_NO_EFFECT),
    Key("password", text=_ATTACHED, meaning=_NO_EFFECT),
    Key("privateKey", text=_ATTACHED, meaning=_NO_EFFECT),
    Key("name", Kind.FREE, "The file's name is what counts.", _NO_EFFECT),
    Key("description", Kind.FREE, "A remark.", _NO_EFFECT),
)
"""The keys of a `.compute` file."""

SPARK_DEPENDENCIES: Final = (
    Key("configuration", Kind.VARIABLES, "Spark's configuration."),
    Key("repositories", Kind.TEXTS, "Maven repositories of Spark packages."),
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
"""The keys of `spark_dependencies.yml`."""

MARKS: Final = frozenset(
    {
        *("argumentvector", "condadependenciesfile", "condafile", "sparkdependenciesfile"),
        *("trackedrun", "managedenvironment", "usesampling", "datasourcesettings"),
        "datasourcesubstitutions",
    }
)
"""Folded keys that only Workbench's `.runconfig` files have at their top level."""
