"""A sweep as a sweep job of Azure ML: its properties beside those of a command job. Pure.

The service is given exactly what our own driver is; what it has no word for is not given to it.
"""

import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from infra.catalogue.durations import duration_s, seconds_only
from infra.contract.json_types import Document, JsonObject
from runtime.model.runs import MAX_DURATION_S, PreparedRun
from runtime.sweeps.observed import expression_document
from runtime.sweeps.space import (
    EXPRESSIONS,
    Expression,
    Space,
    argument_name,
    bare,
    flattened,
)
from runtime.sweeps.sweep import (
    GOALS,
    LONGEST_S,
    MOST_RUNS,
    Policy,
    Sweep,
    in_words_of_jobs,
)

_PAIR: Final = 2
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


# --- read back, by whoever runs the job in the service's place


def sweep_of(properties: Document) -> tuple[Sweep, list[str]]:
    """Return the sweep of a sweep job's properties, and why it cannot be one, if so."""
    limits: Document = properties.get("limits") or {}
    objective: Document = properties.get("objective") or {}
    sampling: Document = properties.get("samplingAlgorithm") or {}
    total = _number(limits.get("maxTotalTrials"), MOST_RUNS)
    goal, problems = str(objective.get("goal") or "").lower(), []
    if goal not in GOALS:
        problems.append(f"The goal is {goal!r}; it is Minimize or Maximize.")
    timeout = limits.get("timeout")
    duration = duration_s(str(timeout)) if timeout else LONGEST_S
    if not duration:
        problems.append(f"The timeout {timeout!r} is not an ISO 8601 duration such as PT1H.")
    space, wrong = _space(properties.get("searchSpace") or {})
    policy, unknown = _read_policy(properties.get("earlyTermination"))
    sweep = Sweep(
        space=space,
        sampling=_read_sampling(sampling),
        metric=str(objective.get("primaryMetric") or ""),
        goal=GOALS.get(goal, "maximize"),
        max_total=total,
        max_concurrent=_number(limits.get("maxConcurrentTrials"), max(total, 1)),
        max_duration_s=int(duration or LONGEST_S),
        policy=policy,
        seed=int(sampling["seed"]) if sampling.get("seed") is not None else None,
        style="expressions",
    )
    found = [] if wrong else map(in_words_of_jobs, sweep.problems())
    return sweep, [*problems, *wrong, *unknown, *found]


def _number(given: object, default: int) -> int:
    """Return a limit that was given; 0 is one, and is not the default."""
    return default if given is None else int(str(given))


def _space(given: Document) -> tuple[Space, list[str]]:
    space, problems = dict[str, Expression](), list[str]()
    for name, each in given.items():
        kind, arguments = each if isinstance(each, list) and len(each) == _PAIR else (None, None)
        if kind not in EXPRESSIONS or not isinstance(arguments, list):
            problems.append(f"{name} is {each!r}, not an expression such as ['uniform', [0, 1]].")
            continue
        values = flattened(arguments) if kind == "choice" else tuple(arguments)
        space[name] = Expression(str(kind), values)
    return space, problems


def _read_sampling(given: Document) -> str:
    kind = str(given.get("samplingAlgorithmType") or "random").lower()
    is_sobol = kind == "random" and str(given.get("rule") or "").lower() == "sobol"
    return "sobol" if is_sobol else kind


def _read_policy(given: Document | None) -> tuple[Policy | None, list[str]]:
    if not given:
        return None, []
    kinds = {word.lower(): kind for kind, word in _POLICIES.items()}
    word = str(given.get("policyType") or "")
    if word.lower() not in kinds:
        return None, [f"There is no policy {word!r}; use one of: {', '.join(_POLICIES.values())}."]
    policy = Policy(
        kinds[word.lower()],
        int(given.get("evaluationInterval") or 0),
        int(given.get("delayEvaluation") or 0),
        given.get("slackFactor") or None,
        given.get("slackAmount"),
        int(given.get("truncationPercentage") or 0),
        bool(given.get("excludeFinishedJobs")),
    )
    if policy.slack_factor and not policy.slack_amount:
        policy = replace(policy, slack_amount=None)  # clients send 0 for what is not given
    return policy, []
