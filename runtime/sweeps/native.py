"""A sweep as a sweep job of Azure ML: its properties beside those of a command job. Pure.

The service is given exactly what our own driver is; what it has no word for is not given to it.
"""

import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from infra.catalogue.durations import seconds_only
from infra.contract.json_types import JsonObject
from runtime.model.runs import MAX_DURATION_S, PreparedRun
from runtime.sweeps.observed import expression_document
from runtime.sweeps.space import argument_name, bare
from runtime.sweeps.sweep import Policy, Sweep

_SAMPLINGS: Final = {"random": "Random", "grid": "Grid", "bayesian": "Bayesian", "sobol": "Random"}
_POLICIES: Final[Mapping[str, str]] = {
    "bandit": "Bandit",
    "median_stopping": "MedianStopping",
    "truncation_selection": "TruncationSelection",
}


def not_native(sweep: Sweep) -> str:
    """Return why the service's sweep would not be the same, ``""`` if it is."""
    if sweep.resume_from or sweep.first:
        return "a sweep job of the service resumes no other sweep"
    return ""


def sweep_properties(sweep: Sweep, run: PreparedRun) -> JsonObject:
    """Return the properties of a sweep job beside those of its trial, a command job."""
    limits: JsonObject = {
        "jobLimitsType": "Sweep",
        "maxTotalTrials": sweep.total,
        "maxConcurrentTrials": sweep.max_concurrent,
        "timeout": seconds_only(sweep.max_duration_s),
    }
    if run.spec.max_duration_s != MAX_DURATION_S:
        limits["trialTimeout"] = seconds_only(run.spec.max_duration_s)
    properties: JsonObject = {
        "jobType": "Sweep",
        "searchSpace": {
            bare(name): expression_document(each) for name, each in sweep.space.items()
        },
        "samplingAlgorithm": _sampling(sweep),
        "objective": {"goal": sweep.goal.capitalize(), "primaryMetric": sweep.metric},
        "limits": limits,
    }
    if sweep.policy is not None:
        properties["earlyTermination"] = _policy(sweep.policy)
    return properties


def trial_run(run: PreparedRun, sweep: Sweep) -> PreparedRun:
    """Return the run of a trial, in whose command the service writes the values."""
    if sweep.style == "expressions":
        return run
    words = tuple(
        word
        for name in (sorted(sweep.space) if sweep.sampling != "grid" else sweep.space)
        for word in (argument_name(name), f"${{{{search_space.{bare(name)}}}}}")
    )
    if run.spec.command:
        line = f"{run.spec.command} {shlex.join(words)}"
        return replace(run, spec=replace(run.spec, command=line), command=("bash", "-c", line))
    return replace(run, command=(*run.command, *words))


def _sampling(sweep: Sweep) -> JsonObject:
    kind: JsonObject = {"samplingAlgorithmType": _SAMPLINGS[sweep.sampling]}
    if sweep.sampling == "sobol":
        kind["rule"] = "Sobol"
    if sweep.sampling in {"random", "sobol"} and sweep.seed is not None:
        kind["seed"] = sweep.seed
    return kind


def _policy(policy: Policy) -> JsonObject:
    properties: JsonObject = {
        "policyType": _POLICIES[policy.kind],
        "evaluationInterval": policy.evaluation_interval,
        "delayEvaluation": policy.delay_evaluation,
    }
    if policy.slack_factor is not None:
        properties["slackFactor"] = policy.slack_factor
    if policy.slack_amount is not None:
        properties["slackAmount"] = policy.slack_amount
    if policy.kind == "truncation_selection":
        properties["truncationPercentage"] = policy.truncation_percentage
    return properties
