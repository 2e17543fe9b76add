"""What a run may ask for that not every kind of target can honour. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from runtime.model.launching import RetryEvent
from runtime.model.runs import RunSpec
from runtime.submit.batch_abilities import BATCH_FEATURES
from runtime.targets.databricks_work import work_of

_SPARK_FILES: Final = ("spark.submit.pyFiles", "spark.jars", "spark.files", "spark.archives")
"""Settings that list files, which may be of the source folder."""


def process_count(spec: RunSpec) -> int:
    """Return the number of processes of the script, over all nodes."""
    how = spec.distribution
    if how is None:
        return spec.node_count
    match how.kind:
        case "mpi":
            return spec.node_count * how.processes_per_node
        case "pytorch":
            return how.per_node(spec.node_count) * spec.node_count
        case "tensorflow":
            return how.workers + how.parameter_servers


def _retried(spec: RunSpec, event: RetryEvent) -> bool:
    """Return whether a run names an event that leads to another attempt."""
    return spec.retry.max_retries > 0 and event in spec.retry.events


def _docker_arguments(spec: RunSpec) -> str:
    used = spec.docker.use is not False and spec.docker.arguments
    return f"arguments of `docker run` ({' '.join(spec.docker.arguments)})" if used else ""


def _registry(spec: RunSpec) -> str:
    image = spec.environment.image if spec.environment else None
    return f"an image of {image.registry.address}" if image and image.registry else ""


def _image(spec: RunSpec) -> str:
    image = spec.environment.image if spec.environment else None
    return "an image" if image else ""


def _spark_packages(spec: RunSpec) -> str:
    packages = spec.environment.spark if spec.environment else None
    return "packages of Spark" if packages and spec.framework == "PySpark" else ""


def _spark_files(spec: RunSpec) -> str:
    """Return the settings that name files of the source folder, which Spark would have to read."""
    names = (name for name in _SPARK_FILES if name in spec.spark and "://" not in spec.spark[name])
    return ", ".join(names) if spec.framework == "PySpark" else ""


def _through_livy(spec: RunSpec) -> bool:
    return spec.hdinsight is not None and spec.hdinsight.through == "livy"


def _yarn_attempts(spec: RunSpec) -> str:
    given = spec.spark.get("spark.yarn.maxAppAttempts", "1")
    return f"{given} attempts of YARN" if given != "1" and spec.framework == "PySpark" else ""


def _builds(spec: RunSpec) -> bool:
    return spec.environment is not None and spec.environment.kind != "user_managed"


def _of_databricks(spec: RunSpec) -> str:
    return "options of Databricks" if spec.databricks else ""


def _databricks_file(spec: RunSpec) -> str:
    own = spec.databricks.own_task if spec.databricks else ""
    work = work_of(spec)
    return "" if work == "agent" else own or f"a {work} ({spec.script})"


def _without_agent(spec: RunSpec) -> str:
    """Return what a task of Databricks' own asks for that only our agent can do."""
    if work_of(spec) == "agent":
        return ""
    asked = {
        "data": spec.inputs or spec.outputs,
        "retries": spec.retry.max_retries,
        "an idle timeout": spec.idle_timeout_s,
        "a number of GPUs": spec.gpus,
        "several processes": spec.distribution,
        "PySpark": spec.framework == "PySpark",
    }
    return " and ".join(name for name, value in asked.items() if value)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number > 1 else ""


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that a run may ask for.

    ``asked`` returns what is asked for, for a message; ``""`` if nothing is. ``origins`` are the
    fields that ask, the most specific first.
    """

    name: str
    asked: Callable[[RunSpec], str]
    origins: tuple[str, ...]


FEATURES: Final = (
    Feature("several nodes", lambda s: _count(s.node_count, "nodes"), ("node_count",)),
    Feature(
        "several processes",
        lambda s: _count(process_count(s), "processes") if s.distribution else "",
        ("distribution", "node_count"),
    ),
    Feature(
        "PySpark",
        lambda s: "PySpark" * (s.framework == "PySpark" and not s.command),
        ("framework",),
    ),
    Feature(
        "several Spark drivers",
        lambda s: (
            "several drivers of Spark" * (s.framework == "PySpark" and s.distribution is not None)
        ),
        ("distribution", "framework"),
    ),
    Feature(
        "Livy",
        lambda s: "Livy" * _through_livy(s),
        ("hdinsight",),
    ),
    Feature(
        "several processes through Livy",
        lambda s: (
            "several processes through Livy" * (_through_livy(s) and s.distribution is not None)
        ),
        ("distribution",),
    ),
    Feature(
        "packages through Livy",
        lambda s: "packages through Livy" * (_through_livy(s) and _builds(s)),
        ("environment",),
    ),
    Feature(
        "retries through Livy",
        lambda s: (
            "retries through Livy"
            * (_through_livy(s) and s.framework == "PySpark" and s.retry.max_retries > 0)
        ),
        ("retry",),
    ),
    Feature("files of Spark", _spark_files, ("spark",)),
    Feature(
        "files of Spark through Livy",
        lambda s: _spark_files(s) if _through_livy(s) else "",
        ("spark",),
    ),
    Feature("attempts of YARN", _yarn_attempts, ("spark",)),
    Feature("R", lambda s: "R" * (s.framework == "R" and not s.command), ("framework",)),
    Feature("docker", lambda s: "docker" * (s.docker.use is True), ("docker.use", "docker")),
    Feature("docker arguments", _docker_arguments, ("docker.arguments", "docker")),
    Feature("image", _image, ("environment.image", "environment")),
    Feature("data", lambda s: "data" * bool(s.inputs or s.outputs), ("inputs", "outputs")),
    Feature("private registry", _registry, ("environment.image.registry", "environment.image")),
    Feature("Spark packages", _spark_packages, ("environment.spark", "environment")),
    Feature(
        "priority",
        lambda s: "" if s.priority is None else f"priority {s.priority}",
        ("priority",),
    ),
    Feature(
        "prepared before",
        lambda s: "" if s.prepares else "a run that may not prepare its environment",
        ("prepares",),
    ),
    Feature(
        "retries of several processes",
        lambda s: "retries" * (s.retry.max_retries > 0 and process_count(s) > 1),
        ("retry",),
    ),
    Feature("retry when lost", lambda s: "retries when lost" * _retried(s, "lost"), ("retry",)),
    Feature(
        "retry when evicted", lambda s: "retries when evicted" * _retried(s, "evicted"), ("retry",)
    ),
    Feature(
        "queue timeout",
        lambda s: f"a queue timeout of {s.queue_timeout_s} s" if s.queue_timeout_s else "",
        ("queue_timeout_s",),
    ),
    Feature("options of Databricks", _of_databricks, ("databricks",)),
    Feature("files of Databricks", _databricks_file, ("script", "databricks")),
    Feature("without an agent", _without_agent, ("inputs", "outputs", "retry", "distribution")),
    *(Feature(*row) for row in BATCH_FEATURES),
    Feature(
        "no history", lambda s: "" if s.collects else "`outputCollection: false`", ("collects",)
    ),
)
