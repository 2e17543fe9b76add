"""What each kind of target can honour of a run, and the refusal of what it cannot. Pure.

A definition is read alike for every target; once the target is chosen, and before anything is
stored or sent, what it cannot do is refused, each with the line that asks for it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from infra.catalogue.names import RULES
from infra.contract.errors import UsageError
from runtime.model.launching import machine_names
from runtime.model.runs import RunSpec
from runtime.submit.batch_abilities import BATCH_ROWS
from runtime.submit.features import FEATURES

LOCAL: Final = "local"
RUN_CLUSTER: Final = "amlcompute"
"""The target that makes a cluster for a run."""
CLUSTER: Final = "aml_compute"
INSTANCE: Final = "compute_instance"
DOCKER: Final = "docker"
MACHINE: Final = "virtual_machine"
MACHINES: Final = "virtual_machines"
"""The target names several machines, a node each."""
HDINSIGHT: Final = "hdinsight"
DATABRICKS: Final = "databricks"
BATCH: Final = "batch"
_AZUREML: Final = (CLUSTER, INSTANCE)
_OURS: Final = (LOCAL, MACHINE, MACHINES, HDINSIGHT, DOCKER)
"""Where nothing but us starts runs."""
PROCESSES: Final = (LOCAL, MACHINE, MACHINES, HDINSIGHT, BATCH)
_HERE: Final = (*_OURS, BATCH)
_BUILT_IN: Final = (*_HERE, *_AZUREML, DATABRICKS)

MADE_FOR_A_RUN: Final = {
    "containerinstance": "a container made for the run",
}
"""Targets that Azure ML made for one run; the service no longer does."""


def kind_of_run(spec: RunSpec, kind: str) -> str:
    """Return the kind of target that a run has on a compute of ``kind``.

    On a machine with docker it is a container, as on this one.
    """
    return DOCKER if kind == MACHINE and spec.docker.use else kind


@dataclass(frozen=True, slots=True)
class Inability:
    """A feature that kinds of targets cannot honour; a kind that no row names can.

    With ``harmless``, the run is the same without the feature: the user is told, and it runs.
    ``usual``: nobody is told, since the files that Microsoft's tools write always ask for it.
    """

    feature: str
    kinds: tuple[str, ...]
    reason: str
    remedy: str
    harmless: bool = False
    usual: bool = False


_CHOOSE: Final = "choose a cluster with `--target NAME`"

INABILITIES: Final = (
    Inability(
        "several nodes",
        (HDINSIGHT,),
        "YARN places the executors of Spark, and other scripts run on the head node",
        "Ask for one node, and for executors in Spark's configuration: `spark.executor.instances`.",
    ),
    Inability(
        "several nodes",
        (LOCAL, DOCKER, INSTANCE),
        "it is one machine",
        f"Ask for one node (`nodeCount: 1`, `instance_count: 1`), or {_CHOOSE}.",
    ),
    Inability(
        "several nodes",
        (MACHINE,),
        "it is one machine",
        "Name as many machines as nodes (`--target box1,box2`), or choose a cluster.",
    ),
    Inability(
        "docker",
        (MACHINES,),
        "containers of several machines do not reach each other",
        "Run without docker, or on one machine.",
    ),
    Inability(
        "several nodes",
        (DATABRICKS,),
        "the script is a process of its driver; what Spark does runs on the workers",
        "Ask for one node (`nodeCount: 1`), and for workers with `num_workers`.",
    ),
    Inability(
        "options of Databricks",
        (*_HERE, *_AZUREML),
        "it is no Databricks workspace",
        "",
        harmless=True,
    ),
    Inability(
        "files of Databricks",
        (*_HERE, *_AZUREML),
        "it runs scripts with Python",
        "Choose a Databricks workspace with `--target NAME`, or give a Python script.",
    ),
    Inability(
        "without an agent",
        (DATABRICKS,),
        "notebooks, jars, wheels and files of the workspace run without our agent",
        "Give a Python script of the source folder, or leave it out.",
    ),
    Inability(
        "retries of several processes",
        _AZUREML,
        "the service starts each process, and ends all when one fails",
        "Ask for no retries, or for one process.",
    ),
    Inability(
        "retry when lost",
        _AZUREML,
        "the service decides what becomes of the runs of a lost node",
        "Leave the event `lost` out.",
    ),
    Inability(
        "retry when lost",
        (HDINSIGHT,),
        "YARN may go on with the application when the head node is gone, and two would run",
        "Leave the event `lost` out.",
    ),
    Inability(
        "retry when lost",
        (DATABRICKS,),
        "a run ends with its cluster, and a one-time run is not started again",
        "Leave the event `lost` out.",
    ),
    Inability(
        "retry when evicted",
        (DATABRICKS,),
        "Databricks replaces evicted workers by itself, and a run ends with its driver",
        "Leave the event `evicted` out; the driver is never a spot node.",
    ),
    Inability(
        "queue timeout",
        (DATABRICKS,),
        "Databricks sets how long a cluster may take to start",
        "Leave it out.",
    ),
    Inability("retry when evicted", _OURS, "nobody evicts its runs", "", harmless=True),
    Inability(
        "queue timeout",
        (HDINSIGHT,),
        "YARN keeps an application until it has room",
        "Remove it, or limit the whole run with `--max-duration`.",
    ),
    Inability(
        "queue timeout", (LOCAL, MACHINE, MACHINES, DOCKER), "it has no queue", "", harmless=True
    ),
    *(Inability(feature, (BATCH,), why, remedy) for feature, why, remedy in BATCH_ROWS),
    Inability(
        "options of Azure Batch",
        (*_OURS, *_AZUREML, DATABRICKS),
        "it has no pools of Azure Batch",
        "",
        harmless=True,
    ),
    Inability(
        "PySpark",
        _AZUREML,
        "it does not run Spark",
        "Set `framework: Python`; a script that makes its own SparkSession needs no more than"
        " pyspark in its environment.",
    ),
    Inability(
        "PySpark",
        (MACHINES,),
        "attached machines are no Spark cluster",
        "Name one of them, or a cluster of HDInsight.",
    ),
    Inability(
        "several Spark drivers",
        _BUILT_IN,
        "a PySpark script has one driver, which gives its executors their work",
        "Remove `communicator` (`distribution`), or set `framework: Python`.",
    ),
    Inability(
        "Livy",
        (LOCAL, MACHINE, MACHINES, DOCKER, *_AZUREML),
        "only clusters of HDInsight have it",
        "Remove it, or choose a cluster of HDInsight with `--target NAME`.",
        harmless=True,
    ),
    Inability(
        "several processes through Livy",
        (HDINSIGHT,),
        "a batch has one driver",
        "Ask for one process, or submit the run over ssh: its processes are on the head node.",
    ),
    Inability(
        "packages through Livy",
        (HDINSIGHT,),
        "an environment is built on the head node, which only ssh reaches",
        "Submit the run over ssh, or set `userManagedDependencies: true`, with packages that are"
        " installed on the cluster.",
    ),
    Inability(
        "retries through Livy",
        (HDINSIGHT,),
        "a driver's Spark takes one script, and a batch has one driver",
        "Submit the run over ssh, or without `--retries`.",
    ),
    Inability(
        "files of Spark",
        (DATABRICKS,),
        "its cluster is there before the run's files are",
        "Name them in `databricks: {libraries: {jars: […], wheels: […]}}`; modules of the source"
        " folder can be imported as they are.",
    ),
    Inability(
        "files of Spark through Livy",
        (HDINSIGHT,),
        "Spark reads them before the run's files are there",
        "Name addresses in the cluster's storage (`wasbs://…`), or submit the run over ssh; modules"
        " of the source folder can be imported as they are.",
    ),
    Inability(
        "attempts of YARN",
        (HDINSIGHT,),
        "YARN would start the script again within the same run, and nobody would know",
        "Remove `spark.yarn.maxAppAttempts`, and ask for `--retries`.",
    ),
    Inability(
        "R",
        _BUILT_IN,
        "it runs scripts with Python",
        "Give a line of the shell in place of the script: `command: Rscript SCRIPT`.",
    ),
    Inability(
        "docker",
        (HDINSIGHT,),
        "a cluster of HDInsight has no docker",
        f"Set `enabled: false` (`useDocker: false`), or {_CHOOSE}.",
    ),
    Inability(
        "docker",
        (LOCAL, DATABRICKS),
        "its runs are processes, not containers",
        "Set `enabled: false` (`useDocker: false`; with Workbench's files, `-c local`), or"
        f" {_CHOOSE}.",
    ),
    Inability(
        "docker arguments",
        (*PROCESSES, DATABRICKS),
        "its runs are processes, not containers",
        f"Remove them, or {_CHOOSE}.",
        harmless=True,
    ),
    Inability(
        "image",
        (*PROCESSES, DATABRICKS),
        "its runs are processes, not containers",
        f"Remove it, or {_CHOOSE}.",
        harmless=True,
        usual=True,
    ),
    Inability(
        "Spark packages",
        _AZUREML,
        "it does not run Spark",
        "Remove `environment.spark.packages`.",
    ),
    Inability(
        "priority",
        (HDINSIGHT,),
        "the queues of YARN have priorities",
        "Name a queue in Spark's configuration: `spark.yarn.queue`.",
    ),
    Inability(
        "priority",
        (LOCAL, MACHINE, MACHINES, DOCKER, DATABRICKS),
        "it has no queue",
        "Remove it.",
        harmless=True,
    ),
    Inability(
        "priority",
        _AZUREML,
        "jobs of Azure ML have no priority any more",
        "Remove `priority`, or choose a cluster of another `priority` in the stack file.",
    ),
    Inability(
        "prepared before",
        _AZUREML,
        "the service builds an environment that is not there",
        "Set `autoPrepareEnvironment: true`.",
    ),
    Inability(
        "prepared before",
        (DATABRICKS,),
        "Databricks installs libraries on the cluster of each run",
        "Set `autoPrepareEnvironment: true`.",
    ),
    Inability(
        "no history",
        _BUILT_IN,
        "every run is recorded, with its metrics, outputs and logs",
        "",
        harmless=True,
    ),
)
"""Adding a kind of target is naming it in the rows of what it cannot do."""


def check_abilities(spec: RunSpec, kind: str, most_nodes: int | None = None) -> tuple[str, ...]:
    """Raise ``UsageError`` for everything a target of ``kind`` cannot honour, with its lines.

    ``most_nodes`` is what a cluster was deployed with, ``None`` where that is not known.
    Returns sentences about what has no effect there.
    """
    check_cluster(spec)
    found = [*_too_many_nodes(spec, most_nodes), *_inabilities(spec, kind)]
    refused = [each for each in found if not each.row.harmless]
    notes = tuple(
        f"{each.at}: {each.text}." if each.at else f"{each.text}."
        for each in found
        if each.row.harmless and not each.row.usual
    )
    if not refused:
        return notes
    if len(refused) == 1:
        only = refused[0]
        raise UsageError(f"{only.text}.", remedy=only.row.remedy, at=only.at or None)
    lines = [f"{each.brief}. {each.row.remedy}" for each in refused]
    raise UsageError(
        "\n  ".join([f"Target {spec.target!r} cannot honour {len(refused)} settings:", *lines]),
        remedy="Change the lines above, or choose another target with `--target NAME`.",
    )


def spread(spec: RunSpec) -> RunSpec:
    """Return a run with a node on each machine that its target names.

    Raises ``UsageError`` for one that asks for another number of nodes.
    """
    count = len(machine_names(spec.target))
    if count in {1, spec.node_count}:
        return spec
    if spec.node_count > 1:
        raise UsageError(
            f"The run asks for {spec.node_count} nodes, and its target names {count} machines"
            f" ({spec.target}).",
            remedy="Name as many machines, or leave the number of nodes out.",
            at=spec.origins.get("node_count"),
        )
    return replace(spec, node_count=count)


def check_cluster(spec: RunSpec) -> None:
    """Raise ``UsageError`` for a cluster that cannot be made for a run."""
    if spec.target.lower() != RUN_CLUSTER:
        return
    cluster = spec.cluster
    if cluster is None:
        raise UsageError(
            f"The target {spec.target!r} is a cluster made for the run, which needs a VM size.",
            remedy="Write `amlCompute: {vmSize: …}` in a run configuration, or name a cluster.",
            at=spec.origins.get("target"),
        )
    problems = []
    if cluster.name and (named := RULES["aml_compute"].problem(cluster.name)):
        problems.append(named)
    if cluster.max_nodes is not None and cluster.max_nodes < spec.node_count:
        problems.append(
            f"The run needs {spec.node_count} nodes, and its cluster may have"
            f" {cluster.max_nodes} (`clusterMaxNodeCount`)."
        )
    if problems:
        raise UsageError(
            "\n".join(problems),
            remedy="Correct `amlCompute` in the run configuration.",
            at=spec.origins.get("cluster"),
        )


def require_shared_cluster(spec: RunSpec, what: str) -> None:
    """Raise ``UsageError`` for what runs many times (``a sweep``) on a cluster made for one run."""
    if spec.target.lower() == RUN_CLUSTER:
        raise UsageError(
            f"{what[:1].upper()}{what[1:]} cannot run on the target {spec.target!r}: a cluster made"
            " for one run is deleted after it.",
            remedy="Name a cluster of the stack; with `min_nodes: 0` it costs nothing while idle.",
            at=spec.origins.get("target"),
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """A row that applies to a run, what the run asks for, and the place that asks."""

    row: Inability
    target: str
    asked: str
    at: str

    @property
    def text(self) -> str:
        """Return what is wrong, as a clause."""
        verb = "ignores" if self.row.harmless else "cannot honour"
        return f"Target {self.target!r} {verb} {self.asked}: {self.row.reason}"

    @property
    def brief(self) -> str:
        """Return it for a list that names the target."""
        where = f"{self.at}: " if self.at else ""
        return f"{where}{self.asked}: {self.row.reason}"


def _inabilities(spec: RunSpec, kind: str) -> Iterator[_Found]:
    for feature in FEATURES:
        asked = feature.asked(spec)
        for row in INABILITIES:
            if asked and row.feature == feature.name and kind in row.kinds:
                yield _Found(row, spec.target, asked, _origin(spec.origins, feature.origins))


def _too_many_nodes(spec: RunSpec, most: int | None) -> Iterator[_Found]:
    feature = next(each for each in FEATURES if each.name == "several nodes")
    if most is not None and spec.node_count > max(most, 1):
        row = Inability(
            feature.name,
            (CLUSTER,),
            f"it has at most {most}",
            "Ask for fewer nodes, or raise `max_nodes` in the stack file and run `aml up`.",
        )
        yield _Found(row, spec.target, feature.asked(spec), _origin(spec.origins, feature.origins))


def _origin(origins: Mapping[str, str], names: tuple[str, ...]) -> str:
    """Return the place of the first field that has one, itself or a part of it."""
    for name in names:
        for field, place in origins.items():
            if field == name or field.startswith(f"{name}."):
                return place
    return ""


def require_lasting(name: str, origins: Mapping[str, str]) -> None:
    """Raise ``UsageError`` for a target that Azure ML made for one run."""
    what = MADE_FOR_A_RUN.get(name.lower())
    if what is not None:
        raise UsageError(
            f"The target {name!r} is {what}, which Azure ML no longer offers.",
            remedy="Declare a cluster in the stack file (`min_nodes: 0` costs nothing while idle),"
            " and give its name as `target`.",
            at=origins.get("target"),
        )
