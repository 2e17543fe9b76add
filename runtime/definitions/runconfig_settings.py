"""Settings of a run from a run configuration's canonical document."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from infra.contract.json_types import Document
from runtime.definitions.batch_options import batch_options
from runtime.definitions.databricks_options import databricks_options, section_libraries
from runtime.definitions.problems import Problems
from runtime.definitions.runconfig_data import DataReader
from runtime.definitions.runconfig_environment import EnvironmentReader
from runtime.definitions.settings import RunConfigurationFile
from runtime.definitions.shapes import Keys, Read, part, shown_path
from runtime.model.data import DataInput, DataOutput
from runtime.model.launching import Distribution, DockerOptions, RunCluster
from runtime.model.runs import MAX_DURATION_S
from runtime.model.services import BatchOptions, DatabricksOptions, SparkOptions

_MPI: Final = frozenset({"OpenMpi", "IntelMpi", "Mpi"})
_MPI_FRAMEWORKS: Final = frozenset({"PythonMpi", "PythonIntelMpi"})
_PYTORCH: Final = frozenset({"Nccl", "Gloo"})
_FRAMEWORKS: Final = {"PySpark": "PySpark", "R": "R"}
"""The framework of a file → that of a run; all others are run by Python."""
_DEPLOY_MODE: Final = "spark.submit.deployMode"
_LEAST: Final[Mapping[Keys, int]] = {
    ("nodeCount",): 1,
    ("maxRunDurationSeconds",): 1,
    # 0 stands for the default in the files that the REST service returns.
    ("mpi", "processCountPerNode"): 0,
    ("mpi", "nodeCount"): 0,
    ("pytorch", "processCount"): 0,
    ("pytorch", "nodeCount"): 0,
    ("tensorflow", "workerCount"): 0,
    ("tensorflow", "parameterServerCount"): 0,
    ("batchAi", "nodeCount"): 0,
}
"""The least value of a count."""
_PRIORITIES: Final = frozenset({"dedicated", "lowpriority"})
_ORIGINS: Final[Mapping[str, Keys]] = {
    "script": ("script",),
    "command": ("command",),
    "arguments": ("arguments",),
    "target": ("target",),
    "framework": ("framework",),
    "max_duration_s": ("maxRunDurationSeconds",),
    "priority": ("priority",),
    "display_name": ("jobName",),
    "variables": ("environmentVariables",),
    "collects": ("history", "outputCollection"),
    "prepares": ("autoPrepareEnvironment",),
    "spark": ("spark", "configuration"),
    "databricks": ("databricks",),
    "batch": ("batch",),
    "hdinsight": ("hdi", "submitThrough"),
    "environment": ("environment",),
    "environment.spark": ("environment", "spark"),
    "environment.image.registry": ("environment", "docker", "baseImageRegistry"),
}
"""A field of a run, or a part of one → the key that sets it."""
_IDLE: Final[tuple[tuple[Keys, tuple[object, ...], str], ...]] = (
    (("tensorflow", "workerCount"), (1, 2), "framework TensorFlow or communicator ParameterServer"),
    (("mpi", "processCountPerNode"), (1,), "an MPI communicator"),
    (("mpi", "nodeCount"), (1,), "an MPI communicator"),
    (("pytorch", "processCount"), (), "communicator Nccl or Gloo"),
    (("pytorch", "nodeCount"), (1,), "communicator Nccl or Gloo"),
    (("amlcompute", "vmSize"), (), "target amlcompute"),
    (("amlcompute", "name"), (), "target amlcompute"),
    (("amlcompute", "clusterMaxNodeCount"), (1,), "target amlcompute"),
    (("amlcompute", "retainCluster"), (), "target amlcompute"),
    (("containerInstance", "cpuCores"), (1, 2), "target containerinstance"),
    (("containerInstance", "region"), (), "target containerinstance"),
)
"""Keys that have an effect only beside another; a value of the templates says nothing."""
_SPARK_DEFAULTS: Final = frozenset({"spark.app.name", "spark.yarn.maxAppAttempts"})
_OF_TEMPLATES: Final = "mmlspark"
"""Whose packages azureml-core and Workbench wrote into every file, for Python too."""


def settings_in(
    read: Read,
    file: Path,
    project: Path,
    problems: Problems,
    environ: Mapping[str, str] = os.environ,
) -> RunConfigurationFile:
    """Return the settings; what is wrong is added to ``problems``."""
    return _Settings(read, file, project, problems, environ).all()


class _Settings:
    """One document, while its settings are collected."""

    def __init__(
        self, read: Read, file: Path, project: Path, problems: Problems, environ: Mapping[str, str]
    ) -> None:
        self._read = read
        self._values: Document = read.values
        self._file = file
        self._problems = problems
        self._environment = EnvironmentReader(read, file, project, problems, environ)

    def all(self) -> RunConfigurationFile:
        values = self._values
        self._check()
        image, packages = self._environment.image(), self._environment.spark()
        environment = self._environment.environment(image, packages)
        inputs, outputs = DataReader(self._read, self._problems).all()
        distribution, distributed_by = self._distribution()
        node_count, counted_by = self._node_count()
        return RunConfigurationFile(
            self._file,
            target=str(values.get("target") or "local"),
            script=values.get("script") or None,
            command=str(values.get("command") or ""),
            arguments=tuple(values.get("arguments") or ()),
            environment=environment,
            variables=self._variables(),
            node_count=node_count,
            max_duration_s=values.get("maxRunDurationSeconds") or MAX_DURATION_S,
            display_name=values.get("jobName") or None,
            framework=_FRAMEWORKS.get(self._framework(), "Python"),
            distribution=distribution,
            docker=self._docker(),
            spark=self._spark(),
            inputs=inputs,
            outputs=outputs,
            priority=values.get("priority"),
            collects=part(values, "history").get("outputCollection") is not False,
            prepares=values.get("autoPrepareEnvironment") is not False,
            image=image,
            spark_packages=packages,
            cluster=self._cluster(),
            databricks=self._databricks(),
            batch=self._batch(),
            hdinsight=self._hdinsight(),
            origins=dict(self._origins(distributed_by, counted_by, inputs, outputs)),
            notes=tuple(self._notes(distribution)),
        )

    def _check(self) -> None:
        values = self._values
        if values.get("script") and values.get("command"):
            self._problem(
                "Both `script` and `command` are given.", "Remove one of them.", "command"
            )
        elif values.get("command") and values.get("arguments"):
            self._problem(
                "`arguments` are those of a script, and `command` is given.",
                "Write them in `command`.",
                "arguments",
            )
        if self._framework() == "PySparkInteractive":
            remedy = "Write `framework: PySpark`, with a script."
            self._problem("An interactive session of Spark is not a run.", remedy, "framework")
        if self._target() == "amlcompute" and not part(values, "amlcompute").get("vmSize"):
            self._problem(
                "The target `amlcompute` is a cluster made for the run, which needs a VM size.",
                "Write `amlcompute: {vmSize: …}`, or name a cluster as `target`.",
                "target",
            )
        for path, least in _LEAST.items():
            value = self._at(path)
            if isinstance(value, int) and value < least:
                self._problem(f"`{shown_path(path)}` is {value}.", "Write 1 or more.", *path)

    def _problem(self, message: str, remedy: str, *path: str | int) -> None:
        self._problems.add(message, remedy=remedy, at=self._read.place(*path))

    def _at(self, path: Keys) -> object:
        value: object = self._values
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        return value

    def _target(self) -> str:
        return str(self._values.get("target") or "local").lower()

    def _framework(self) -> str:
        return str(self._values.get("framework") or "Python")

    def _communicator(self) -> str:
        return str(self._values.get("communicator") or "None")

    def _variables(self) -> dict[str, str]:
        """Return the environment's variables and, above them, the run's."""
        merged = {
            **part(part(self._values, "environment"), "environmentVariables"),
            **part(self._values, "environmentVariables"),
        }
        return {name: value for name, value in merged.items() if value is not None}

    def _distribution(self) -> tuple[Distribution | None, Keys]:
        """Return how several processes are started, and the key that says so."""
        framework, communicator = self._framework(), self._communicator()
        workers = part(self._values, "tensorflow").get("workerCount") or 1
        if communicator in _MPI or framework in _MPI_FRAMEWORKS:
            processes = part(self._values, "mpi").get("processCountPerNode") or 1
            by: Keys = ("mpi", "processCountPerNode") if processes > 1 else ("communicator",)
            return Distribution("mpi", processes_per_node=processes), by
        if communicator in _PYTORCH:
            section = part(self._values, "pytorch")
            return Distribution(
                "pytorch",
                processes=section.get("processCount") or None,
                backend=communicator.lower(),
            ), ("communicator",)
        if (
            communicator == "ParameterServer"
            or framework == "TensorFlowParameterServer"
            or (framework == "TensorFlow" and workers > 1)
        ):
            servers = part(self._values, "tensorflow").get("parameterServerCount")
            by = ("tensorflow", "workerCount") if workers > 1 else ("communicator",)
            return Distribution(
                "tensorflow",
                workers=workers,
                parameter_servers=1 if servers is None else servers,
            ), by
        return None, ()

    def _node_count(self) -> tuple[int, Keys]:
        """Return the number of nodes, and the key that sets it: the first that is not 1.

        azureml-core always writes `nodeCount: 1` beside the section of the communicator.
        """
        paths: list[Keys] = [("nodeCount",)]
        if self._communicator() in _MPI:
            paths.append(("mpi", "nodeCount"))
        if self._communicator() in _PYTORCH:
            paths.append(("pytorch", "nodeCount"))
        paths.append(("batchAi", "nodeCount"))
        counts = [(count, path) for path in paths if isinstance(count := self._at(path), int)]
        several = [each for each in counts if each[0] > 1]
        return next(iter([*several, *(each for each in counts if each[0] > 0)]), (1, ()))

    def _docker(self) -> DockerOptions:
        run = part(self._values, "docker")
        own = part(part(self._values, "environment"), "docker")
        uses = [each for each in (run.get("useDocker"), own.get("enabled")) if each is not None]
        shared = run.get("sharedVolumes") is not False and own.get("sharedVolumes") is not False
        return DockerOptions(
            use=any(uses) if uses else None,
            arguments=tuple(run.get("arguments") or own.get("arguments") or ()),
            shm_size=run.get("shmSize") or own.get("shmSize") or None,
            shared_volumes=shared,
            gpu=bool(own.get("gpuSupport")),
        )

    def _cluster(self) -> RunCluster | None:
        """Return the cluster to make for the run, if the target is one."""
        section = part(self._values, "amlcompute")
        size = section.get("vmSize")
        if self._target() != "amlcompute" or not size:
            return None
        priority = str(section.get("vmPriority") or "dedicated")
        if priority.lower() not in _PRIORITIES:
            self._problem(
                f"{priority!r} is not a priority of nodes.",
                "Write `dedicated` or `lowpriority`.",
                "amlcompute",
                "vmPriority",
            )
        return RunCluster(
            vm_size=str(size),
            name=section.get("name") or None,
            low_priority=priority.lower() == "lowpriority",
            retain=bool(section.get("retainCluster")),
            max_nodes=section.get("clusterMaxNodeCount") or None,
        )

    def _databricks(self) -> DatabricksOptions | None:
        """Return the options of our section, with the libraries of the environment's."""
        given = part(self._values, "databricks")
        libraries = section_libraries(part(part(self._values, "environment"), "databricks"))
        if not given and libraries is None:
            return None
        options, problems = databricks_options(given)
        for each in problems:
            self._problem(each.what, each.remedy, "databricks", each.name)
        return replace(options, libraries=libraries) if libraries else options

    def _batch(self) -> BatchOptions | None:
        given = part(self._values, "batch")
        if not given:
            return None
        options, problems = batch_options(given)
        for each in problems:
            self._problem(each.what, each.remedy, "batch", each.name)
        return options

    def _hdinsight(self) -> SparkOptions | None:
        through = part(self._values, "hdi").get("submitThrough")
        return SparkOptions("livy") if str(through).lower() == "livy" else None

    def _spark(self) -> dict[str, str]:
        configuration = part(part(self._values, "spark"), "configuration")
        spark = {name: value for name, value in configuration.items() if value is not None}
        mode = part(self._values, "hdi").get("yarnDeployMode")
        if self._framework() == "PySpark" and mode not in {None, "None"}:
            spark.setdefault(_DEPLOY_MODE, str(mode).lower())
        return spark

    def _origins(
        self,
        distributed_by: Keys,
        counted_by: Keys,
        inputs: tuple[DataInput, ...],
        outputs: tuple[DataOutput, ...],
    ) -> Iterator[tuple[str, str]]:
        use = ("docker", "useDocker") if self._at(("docker", "useDocker")) else ()
        docker: Keys = ("environment", "docker")
        made = [
            key
            for key in ("baseImage", "baseDockerfile", "buildContext")
            if self._at((*docker, key))
        ]
        named: dict[str, Keys] = {
            **_ORIGINS,
            "distribution": distributed_by,
            "node_count": counted_by,
            "cluster": ("amlcompute",) if self._target() == "amlcompute" else (),
            "docker.use": use or (*docker, "enabled"),
            "environment.image": (*docker, *made[:1]) if made else (),
        }
        for each in inputs:
            section = "data" if each.name in part(self._values, "data") else "dataReferences"
            named[f"inputs.{each.name}"] = (section, each.name)
        for output in outputs:
            sections = ("outputData", "data", "dataReferences")
            named[f"outputs.{output.name}"] = next(
                (key, output.name) for key in sections if output.name in part(self._values, key)
            )
        for name, path in named.items():
            place = self._read.places.get(path)
            if place is not None and self._at(path) is not None:
                yield name, str(place)

    def _notes(self, distribution: Distribution | None) -> Iterator[str]:
        yield from self._read.notes
        active = {distribution.kind if distribution else "", self._target()}
        for path, idle, needs in _IDLE:
            value = self._at(path)
            if value and value not in idle and str(path[0]).lower() not in active:
                place = self._read.place(*path)
                yield f"{place or self._file}: `{shown_path(path)}` has no effect without {needs}."
        if self._framework() != "PySpark":
            for path in self._spark_alone():
                place = self._read.place(*path)
                what = f"`{shown_path(path[:3])}` has no effect without framework PySpark."
                yield f"{place or self._file}: {what}"
        backend = part(self._values, "pytorch").get("communicationBackend")
        used = distribution.backend if distribution else None
        if used and backend and backend != used:
            place = self._read.place("pytorch", "communicationBackend")
            what = "has no effect beside `communicator`, which says it."
            yield f"{place or self._file}: `pytorch.communicationBackend` {what}"
        python = part(part(self._values, "environment"), "python")
        if python.get("condaDependenciesFile") and python.get("condaDependencies"):
            place = self._read.place("environment", "python", "condaDependencies")
            why = "`condaDependencies` has no effect beside `condaDependenciesFile`."
            yield f"{place or self._file}: {why}"

    def _spark_alone(self) -> Iterator[Keys]:
        """Yield the settings of Spark that no template has: one of each section."""
        configured = part(part(self._values, "spark"), "configuration")
        own = [name for name, value in configured.items() if value and name not in _SPARK_DEFAULTS]
        yield from (("spark", "configuration", name) for name in own[:1])
        packages = part(part(self._values, "environment"), "spark")
        for key in ("repositories", "packages"):
            if any(_OF_TEMPLATES not in str(each) for each in packages.get(key) or ()):
                yield ("environment", "spark", key)
        if part(self._values, "hdi").get("yarnDeployMode") not in {None, "None", "Cluster"}:
            yield ("hdi", "yarnDeployMode")
