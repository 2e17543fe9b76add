"""What a run on Azure Batch may ask for beside other runs, and what it cannot have. Pure.

Rows of the tables of ``runtime.submit.abilities``.
"""

from collections.abc import Callable
from typing import Final

from runtime.model.runs import RunSpec

_OF_NODES: Final = frozenset({"lost", "evicted"})


def _mpi(spec: RunSpec) -> str:
    how = spec.distribution
    several = how is not None and how.kind == "mpi" and spec.node_count > 1
    return f"MPI on {spec.node_count} nodes" * several


def _retries(spec: RunSpec) -> str:
    """Return whether a run on several nodes wants more than other nodes for lost ones."""
    policy = spec.retry
    other = bool(policy.exit_codes) or not policy.events or bool(set(policy.events) - _OF_NODES)
    return "retries" * (spec.node_count > 1 and policy.max_retries > 0 and other)


BATCH_FEATURES: Final[tuple[tuple[str, Callable[[RunSpec], str], tuple[str, ...]], ...]] = (
    ("MPI on several nodes", _mpi, ("distribution", "node_count")),
    ("retries on several nodes", _retries, ("retry",)),
    ("options of Azure Batch", lambda s: "options of Azure Batch" * bool(s.batch), ("batch",)),
)
"""Name, what is asked for, and the fields that ask."""
_NO_SPARK: Final = "its nodes have no Spark"
BATCH_ROWS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "MPI on several nodes",
        "its nodes cannot log in to each other, as mpirun does",
        (
            "Ask for one node, for the distribution `pytorch`, or choose a cluster with"
            " `--target NAME`."
        ),
    ),
    (
        "retries on several nodes",
        "the agent of one node cannot start those of others again",
        (
            "Ask for one node, or for retries with the events `lost` and `evicted` alone: the"
            " service starts all nodes again."
        ),
    ),
    (
        "PySpark",
        _NO_SPARK,
        "Choose a cluster of HDInsight or a Databricks workspace with `--target NAME`.",
    ),
    ("Spark packages", _NO_SPARK, "Remove `environment.spark.packages`."),
    (
        "docker",
        "its runs are processes of the nodes, not containers",
        "Set `enabled: false` (`useDocker: false`), or choose a cluster with `--target NAME`.",
    ),
    (
        "prepared before",
        "an environment is built on the node that runs it",
        "Set `autoPrepareEnvironment: true`.",
    ),
)
"""Feature, reason and remedy of what is refused."""
