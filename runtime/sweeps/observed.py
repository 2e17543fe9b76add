"""What the service writes down about a sweep: tags and properties of the parent. Pure.

Names and shapes are those seen in runs of SDK 1.21.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from infra.contract.json_types import JsonObject
from runtime.sweeps.space import Assignment, Expression
from runtime.sweeps.sweep import Policy, Sweep

LOG: Final = "azureml-logs/hyperdrive.txt"
HYPERPARAMETERS: Final = "hyperparameters"
"""The tag of a child that holds its values, as JSON."""
STOPPED: Final = "aml.stopped_by"
"""The property of a child that holds the rule and the numbers that stopped it."""
TEMPLATE: Final = {"runTemplate": "HyperDrive", "azureml.runsource": "hyperdrive"}
RESUMED: Final = "aml.resume_from"
"""The property of a parent that holds the ids of the sweeps it resumes, as JSON."""
SOURCE: Final = "azureml.runsource"
METRIC: Final = "primary_metric_config"
_SYSTEM: Final = "_aml_system_"
_GENERATORS: Final = {
    "random": "RANDOM",
    "grid": "GRID",
    "bayesian": "BayesianOptimization",
    "sobol": "SOBOL",
}
_POLICIES: Final = {
    "bandit": "BANDIT",
    "median_stopping": "MedianStopping",
    "truncation_selection": "TruncationSelection",
}


def generator_config(sweep: Sweep) -> JsonObject:
    """Return the search space as the service keeps it; the values of a choice are nested twice."""
    space = {name: expression_document(each) for name, each in sweep.space.items()}
    return {"name": _GENERATORS[sweep.sampling], "parameter_space": space}


def expression_document(expression: Expression) -> list[object]:
    """Return an expression as ``[kind, arguments]``."""
    arguments = list(expression.arguments)
    return [expression.kind, [arguments] if expression.kind == "choice" else arguments]


def policy_config(policy: Policy | None) -> JsonObject:
    """Return the policy as the service keeps it."""
    if policy is None:
        return {"name": "Default", "properties": {}}
    properties: JsonObject = {
        "evaluation_interval": policy.evaluation_interval,
        "delay_evaluation": policy.delay_evaluation,
    }
    if policy.slack_factor is not None:
        properties["slack_factor"] = policy.slack_factor
    if policy.slack_amount is not None:
        properties["slack_amount"] = policy.slack_amount
    if policy.truncation_percentage:
        properties["truncation_percentage"] = policy.truncation_percentage
    return {"name": _POLICIES[policy.kind], "properties": properties}


def metric_config(sweep: Sweep) -> JsonObject:
    """Return the primary metric as the service keeps it."""
    return {"name": sweep.metric, "goal": sweep.goal}


def first_tags(sweep: Sweep) -> dict[str, str]:
    """Return the tags that a parent has from the beginning."""
    return twice(
        {
            "max_concurrent_jobs": str(sweep.max_concurrent),
            "max_total_jobs": str(sweep.max_total),
            "max_duration_minutes": str(sweep.max_duration_s // 60),
            "policy_config": json.dumps(policy_config(sweep.policy)),
            "generator_config": json.dumps(generator_config(sweep)),
            METRIC: json.dumps(metric_config(sweep)),
            "resume_child_runs": json.dumps(list(sweep.first)) if sweep.first else "null",
            "all_jobs_generated": "false",
            "cancellation_requested": "false",
        }
    )


def twice(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags under both names that the service gives them."""
    return dict(tags) | {f"{_SYSTEM}{name}": value for name, value in tags.items()}


def child_tags(child_id: str, assignment: Assignment) -> dict[str, str]:
    """Return the tags of the parent that hold a child's values."""
    return twice({child_id: json.dumps(assignment)})


def last_properties(sweep: Sweep, best: tuple[str, float] | None) -> Iterator[tuple[str, str]]:
    """Yield the properties that a parent gets at its end."""
    yield METRIC, json.dumps(metric_config(sweep))
    yield "best_metric_status", "Succeeded" if best else "NoMetric"
    if best is not None:
        yield "best_child_run_id", best[0]
        yield "score", str(best[1])
