"""What a run on Databricks is there: its task, its cluster and its libraries. Pure."""

import hashlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from infra.contract.json_types import Document, JsonObject
from runtime.model.runs import RunSpec
from runtime.model.services import DATABRICKS_NODE_TYPE, DatabricksOptions
from runtime.targets.databricks_work import Work, work_of

TASK_KEY: Final = "run"
ENVIRONMENT_KEY: Final = "run"
ENVIRONMENT_VERSION: Final = "4"
"""Of serverless runs; Databricks' versions come with a Python of their own."""
_OF_YARN: Final = ("spark.yarn.", "spark.submit.", "spark.app.name")
_SINGLE_NODE: Final = {
    "spark.databricks.cluster.profile": "singleNode",
    "spark.master": "local[*]",
}
_SPOT: Final = {"availability": "SPOT_WITH_FALLBACK_AZURE", "first_on_demand": 1}


def options_of(spec: RunSpec) -> DatabricksOptions:
    """Return the options of a run, with what its Spark configuration and packages add.

    A cluster that exists has a configuration of its own; YARN's is for other clusters.
    """
    options = spec.databricks or DatabricksOptions()
    if spec.framework != "PySpark":
        return options
    packages = spec.environment.spark if spec.environment else None
    listed = packages.packages if packages else ()
    maven = tuple(f"{each.group}:{each.artifact}:{each.version}" for each in listed)
    libraries = replace(options.libraries, maven=(*options.libraries.maven, *maven))
    options = replace(options, libraries=libraries)
    if options.cluster_id or options.serverless:
        return options
    own = {k: v for k, v in spec.spark.items() if not k.startswith(_OF_YARN)}
    return replace(options, spark_conf={**own, **options.spark_conf})


@dataclass(frozen=True, slots=True)
class Submission:
    """A one-time run. ``task`` has the key of its kind alone, ``requirements`` are pip's.

    ``spark_version`` is used where the options have none; ``variables`` are those of the cluster.
    """

    run_id: str
    options: DatabricksOptions
    task: JsonObject
    requirements: Sequence[str] = ()
    jars: Sequence[str] = ()
    wheels: Sequence[str] = ()
    spark_version: str = ""
    variables: Mapping[str, str] | None = None
    timeout_s: int = 0

    def document(self) -> JsonObject:
        """Return the body of ``jobs/runs/submit``, which makes the run once."""
        document: JsonObject = {
            "run_name": self.options.run_name or self.run_id,
            "idempotency_token": hashlib.sha256(self.run_id.encode()).hexdigest(),
            "tasks": [{"task_key": TASK_KEY, **self.task, **self._compute()}],
        }
        if self.timeout_s:
            document["timeout_seconds"] = self.timeout_s
        if self.options.serverless:
            version = self.options.environment_version or ENVIRONMENT_VERSION
            dependencies = [*self.requirements, *self.wheels]
            spec = {"environment_version": version, "dependencies": dependencies}
            document["environments"] = [{"environment_key": ENVIRONMENT_KEY, "spec": spec}]
        return document

    def _compute(self) -> JsonObject:
        if self.options.serverless:
            return {"environment_key": ENVIRONMENT_KEY}
        found: JsonObject = {}
        if self.options.cluster_id:
            found["existing_cluster_id"] = self.options.cluster_id
        else:
            found["new_cluster"] = cluster(self.options, self.spark_version, self.variables or {})
        libraries = self._libraries()
        return {**found, "libraries": libraries} if libraries else found

    def _libraries(self) -> list[JsonObject]:
        given = self.options.libraries
        return [
            *({"pypi": {"package": each}} for each in (*self.requirements, *given.pypi)),
            *({"maven": {"coordinates": each}} for each in given.maven),
            *({"cran": {"package": each}} for each in given.cran),
            *({"jar": each} for each in self.jars),
            *({"whl": each} for each in self.wheels),
            *({"egg": each} for each in given.eggs),
        ]


def cluster(
    options: DatabricksOptions, spark_version: str, variables: Mapping[str, str]
) -> JsonObject:
    """Return the cluster that is made for a run: without workers, a single node."""
    found: JsonObject = {
        "spark_version": options.spark_version or spark_version,
        "spark_conf": dict(options.spark_conf),
        **_nodes(options),
    }
    if options.max_workers is not None:
        least = 1 if options.min_workers is None else options.min_workers
        found["autoscale"] = {"min_workers": least, "max_workers": options.max_workers}
    else:
        found["num_workers"] = options.num_workers or 0
    if found.get("num_workers") == 0:
        found["spark_conf"] = {**_SINGLE_NODE, **found["spark_conf"]}
        found["custom_tags"] = {"ResourceClass": "SingleNode"}
    if options.spot:
        found["azure_attributes"] = _SPOT
    if options.init_scripts:
        found["init_scripts"] = [_stored("destination", each) for each in options.init_scripts]
    if options.log_path:
        found["cluster_log_conf"] = _stored("destination", options.log_path)
    return {**found, "spark_env_vars": dict(variables)} if variables else found


def _nodes(options: DatabricksOptions) -> JsonObject:
    if options.instance_pool_id:
        return {"instance_pool_id": options.instance_pool_id}
    driver = options.driver_node_type
    return {
        "node_type_id": options.node_type or DATABRICKS_NODE_TYPE,
        **({"driver_node_type_id": driver} if driver else {}),
    }


def _stored(key: str, path: str) -> JsonObject:
    """Return a place in the form that names its storage: a volume, workspace files or DBFS."""
    kinds = {"/Volumes/": "volumes", "/Workspace/": "workspace", "/Users/": "workspace"}
    kind = next((kind for start, kind in kinds.items() if path.startswith(start)), "dbfs")
    return {kind: {key: path}}


@dataclass(frozen=True, slots=True)
class Ended:
    """How Databricks says that a run ended."""

    reason: str
    succeeded: bool = False
    canceled: bool = False
    timed_out: bool = False


_VAGUE: Final = (None, "SUCCESS", "USER_CANCELED", "RUN_EXECUTION_ERROR", "INTERNAL_ERROR")
"""Codes that say no more than the result does."""


def ending(run: Document) -> Ended | None:
    """Return how a run ended, ``None`` while it goes on. ``run`` is the answer of ``runs/get``."""
    state: Document = run.get("state") or {}
    life_cycle = str(state.get("life_cycle_state") or "")
    if life_cycle not in {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}:
        return None
    details = _details(run)
    result = str(state.get("result_state") or life_cycle)
    code = details.get("code")
    message = str(state.get("state_message") or details.get("message") or "").strip()
    named = "" if code in _VAGUE else f" ({code})"
    told = f": {message}" if message else ""
    return Ended(
        f"Databricks ended the run as {result}{named}{told}",
        succeeded=result in {"SUCCESS", "SUCCESS_WITH_FAILURES"},
        canceled=result == "CANCELED",
        timed_out=result == "TIMEDOUT",
    )


def _details(run: Document) -> Document:
    """Return why a run ended: what its task says, where that is more than the run does."""
    parts = (*(run.get("tasks") or ()), run)
    found = [(each.get("status") or {}).get("termination_details") or {} for each in parts]
    return next((each for each in found if each.get("code") not in _VAGUE), found[-1])


def phase(run: Document) -> str:
    """Return ``queued``, ``provisioning`` or ``running``."""
    life_cycle = str((run.get("state") or {}).get("life_cycle_state") or "")
    phases = {"QUEUED": "queued", "BLOCKED": "queued", "PENDING": "provisioning"}
    task: Document = next(iter(run.get("tasks") or ()), {})
    own = str((task.get("state") or {}).get("life_cycle_state") or life_cycle)
    return phases.get(life_cycle) or phases.get(own) or "running"


_SHAPE: Final = (
    "node_type", "driver_node_type", "instance_pool_id", "spark_version", "num_workers",
    "min_workers", "max_workers", "spot", "spark_conf", "init_scripts", "log_path",
)  # fmt: skip


def problems(spec: RunSpec) -> list[str]:
    """Return every contradiction in the options of a run."""
    options, work = spec.databricks or DatabricksOptions(), work_of(spec)
    return [*_of_cluster(options), *_of_work(options, work, spec.script), *_of_words(spec, work)]


def _of_cluster(options: DatabricksOptions) -> Iterator[str]:
    given = {name: value for name in _SHAPE if (value := getattr(options, name))}
    given |= {"num_workers": 0} if options.num_workers == 0 else {}
    shaped = ", ".join(name for name in _SHAPE if name in given)
    for name, value in (("cluster_id", options.cluster_id), ("serverless", options.serverless)):
        if value and shaped:
            yield f"{name} excludes the shape of a new cluster ({shaped})."
    if options.cluster_id and options.serverless:
        yield "cluster_id and serverless exclude each other."
    if options.num_workers is not None and options.max_workers is not None:
        yield "num_workers and max_workers exclude each other."
    if options.min_workers is not None and options.max_workers is None:
        yield "min_workers needs max_workers."
    most = options.max_workers
    if most is not None and (options.min_workers or 0) > most:
        yield f"min_workers ({options.min_workers}) is more than max_workers."
    if options.instance_pool_id and (options.node_type or options.driver_node_type):
        yield "instance_pool_id excludes node_type: a pool has nodes of one type."
    if options.volume is not None and not options.volume.startswith("/Volumes/"):
        yield f"volume is {options.volume!r}; write /Volumes/CATALOG/SCHEMA/VOLUME."


def _of_work(options: DatabricksOptions, work: Work, script: str) -> Iterator[str]:
    files = {"notebook": options.notebook, "python_file": options.python_file}
    given = [name for name, value in files.items() if value]
    if len(given) > 1:
        yield "notebook and python_file exclude each other."
    if given and script:
        yield f"{given[0]} runs in place of a script: leave {script} out."
    if work == "jar" and not options.main_class:
        yield "A jar needs main_class, the class whose main method runs."
    if options.main_class and work != "jar":
        yield "main_class is that of a jar: give one as the script, or in libraries.jars."
    if options.arguments and script:
        yield "arguments are those of python_file or main_class; a script has its own."
    if work == "jar" and options.serverless:
        yield "Serverless compute runs no jars: leave serverless out."
    if options.parameters and work != "notebook":
        yield "parameters are those of a notebook; a script has arguments."
    if options.entry_point and work != "wheel":
        yield "entry_point is that of a wheel: give a .whl file as the script."


def _of_words(spec: RunSpec, work: Work) -> Iterator[str]:
    """Yield what is wrong with the words after a script, which not every task has."""
    if work == "notebook" and spec.arguments:
        words = shlex.join(spec.arguments)
        yield f"A notebook takes no arguments ({words}): its widgets have values of parameters."
