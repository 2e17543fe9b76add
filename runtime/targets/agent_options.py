"""The options with which the agent runs a script: limits, retries, several processes. Pure."""

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from infra.contract.load import load
from runtime.agent.retries import EVENTS
from runtime.model.launching import Distribution, RetryPolicy
from runtime.model.runs import PYSPARK, RunSpec

_ON_ONE_MACHINE: Final = "runtime.targets.spark_options:here"
ONE_EACH: Final = Distribution("pytorch")
"""One process a node: what a script, or torchrun, needs to know of the other nodes."""


class SparkSubmission(Protocol):
    """How a PySpark script is submitted."""

    def text(self) -> str:
        """Return it as the agent reads it."""


def agent_options(
    spec: RunSpec, spark: Callable[[RunSpec], SparkSubmission] | None = None
) -> tuple[str, ...]:
    """Return the options of an agent that starts all processes of a run, on one node.

    The maximum duration is not among them: a target may have its own way to keep it. On several
    nodes, the agent of each needs ``--hosts``, ``--node-rank`` and, in the variable
    ``AML_PEERS_KEY``, a secret that all share. MPI's processes are started by the first node's.
    ``spark`` says how a PySpark script is submitted; by default on the machine of the agent.
    """
    how = spec.distribution
    if how is None and spec.node_count > 1:
        how = ONE_EACH
    processes = distribution_options(how, spec.node_count) if how else ()
    return (*limit_options(spec), *processes, *_spark_options(spec, spark))


def _spark_options(
    spec: RunSpec, spark: Callable[[RunSpec], SparkSubmission] | None
) -> Iterator[str]:
    if spec.framework == PYSPARK and not spec.command:  # a line of the shell is not submitted
        submission: SparkSubmission = (spark or load(_ON_ONE_MACHINE))(spec)
        yield f"--spark={submission.text()}"


def ranked_options(spec: RunSpec) -> tuple[str, ...]:
    """Return the options of the agents that a service starts, one for each process."""
    several = spec.distribution is not None or spec.node_count > 1
    return (*limit_options(spec), *(("--ranked",) if several else ()))


def limit_options(spec: RunSpec) -> Iterator[str]:
    """Yield the options of what a run needs, what ends it, and what starts it again."""
    if spec.gpus:
        yield f"--gpus={spec.gpus}"
    if spec.idle_timeout_s:
        yield f"--idle-timeout={spec.idle_timeout_s}"
    yield from _retry_options(spec.retry)


def _retry_options(policy: RetryPolicy) -> Iterator[str]:
    seen = [event for event in policy.events if event in EVENTS]
    # Without those that others see, a policy of events alone would be one of any failure.
    if not policy.max_retries or (policy.events and not seen and not policy.exit_codes):
        return
    yield f"--max-retries={policy.max_retries}"
    for code in policy.exit_codes:
        yield f"--retry-exit-code={code}"
    for event in seen:
        yield f"--retry-event={event}"


def distribution_options(how: Distribution, nodes: int) -> Iterator[str]:
    """Yield the options of the processes of each node."""
    yield f"--distribution={how.kind}"
    if how.kind == "tensorflow":
        yield f"--workers={how.workers}"
        yield f"--parameter-servers={how.parameter_servers}"
        return
    yield f"--processes={how.per_node(nodes)}"
    if how.backend:
        yield f"--backend={how.backend}"
