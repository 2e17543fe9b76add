"""Sweep jobs: what a PUT has to give, what is filled in, and the command job of each trial."""

import json
import secrets
from dataclasses import replace
from typing import Final

from infra.catalogue.durations import duration_s
from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours.job_data import with_assets
from localcloud.behaviours.job_references import (
    asset_id,
    compute_of,
    environment_id,
    required_asset,
)
from localcloud.calls.messages import Call
from localcloud.calls.node_reads import noted_reads, read_of_nodes
from localcloud.calls.refusals import invalid
from runtime.model.runs import SWEEP_VARIABLE
from runtime.model.trials import with_values
from runtime.sweeps.driver import Child
from runtime.sweeps.native import sweep_of
from runtime.sweeps.observed import HYPERPARAMETERS
from runtime.sweeps.space import bare, value_text
from runtime.sweeps.sweep import Sweep, clipped

SWEEP: Final = "sweep"
_SEED: Final = "seed"
_PLACES: Final = {
    "trials": "limits",
    "timeout": "limits",
    "policy": "earlyTermination",
    "slack": "earlyTermination",
    "interval": "earlyTermination",
    "truncation": "earlyTermination",
    "goal": "objective",
    "metric": "objective",
    "There is no sampling": "samplingAlgorithm",
}
"""A word of a problem → the property that is wrong."""


def is_sweep(properties: Document) -> bool:
    """Return whether a job is a sweep."""
    return str(properties.get("jobType") or "").lower() == SWEEP


def filled_sweep(call: Call, given: Document) -> JsonObject:
    """Return the properties of a new sweep job. Raises ``RefusedError`` with every problem.

    A sampling without a seed gets one, so that a daemon that is restarted draws the same values.
    """
    compute = compute_of(call, str(given.get("computeId") or ""))
    trial: Document = given.get("trial") or {}
    code = required_asset(call, asset_id(call, "codes", str(trial.get("codeId") or "")), "codes")
    environment = environment_id(call, str(trial.get("environmentId") or ""))
    _, problems = sweep_of(given)
    space = given.get("searchSpace") or {}
    found = [(_place(each, space), each) for each in problems]
    if not str(trial.get("command") or "").strip():
        found.append(("properties.trial.command", "The trial has no command."))
    limit = (given.get("limits") or {}).get("trialTimeout")
    if limit and not duration_s(str(limit)):
        says = f"'{limit}' is not an ISO 8601 duration such as PT1H."
        found.append(("properties.limits.trialTimeout", says))
    if found:
        raise invalid(found)
    sampling = dict(given.get("samplingAlgorithm") or {})
    sampling.setdefault(_SEED, secrets.randbelow(2**31))
    name = call.arm.name
    return {
        "description": None,
        "identity": None,
        "outputs": {},
        "earlyTermination": None,
        **{key: value for key, value in given.items() if value is not None},
        "inputs": with_assets(call, given.get("inputs")),
        "jobType": "Sweep",
        "computeId": compute.id,
        "samplingAlgorithm": sampling,
        "trial": {
            "environmentVariables": {},
            "distribution": None,
            **trial,
            "codeId": code,
            "environmentId": environment,
            "resources": {"instanceCount": 1, **(trial.get("resources") or {})},
        },
        "displayName": given.get("displayName") or name,
        "experimentName": given.get("experimentName") or "Default",
        "isArchived": bool(given.get("isArchived")),
        "tags": given.get("tags") or {},
        "properties": given.get("properties") or {},
    }


def _place(problem: str, space: Document) -> str:
    """Return the property that a problem of a sweep is about, as far as its words tell."""
    key = next((place for word, place in _PLACES.items() if word in problem), "searchSpace")
    is_of_one = problem.startswith(tuple(f"{name}{end}" for name in space for end in ": "))
    return "properties.searchSpace" if is_of_one else f"properties.{key}"


def stored_sweep(properties: Document, nodes: int | None) -> Sweep:
    """Return the sweep of a stored job; ``nodes`` is the most that its compute has."""
    sweep, _ = sweep_of(properties)
    sweep, _ = clipped(sweep)
    if nodes is None:
        return sweep
    each = int(properties["trial"]["resources"].get("instanceCount") or 1)
    return replace(sweep, max_concurrent=min(sweep.max_concurrent, max(1, nodes // each)))


def trial_properties(sweep: Document, child: Child) -> JsonObject:
    """Return the properties of the command job of one trial. Pure."""
    trial: Document = sweep["trial"]
    texts = {bare(name): value_text(value) for name, value in child.assignment.items()}
    variables = {
        name: with_values(str(value), texts)
        for name, value in (trial.get("environmentVariables") or {}).items()
    }
    limit = (sweep.get("limits") or {}).get("trialTimeout")
    return {
        "description": None,
        "identity": None,
        "jobType": "Command",
        "command": with_values(str(trial["command"]), texts),
        "codeId": trial.get("codeId"),
        "environmentId": trial["environmentId"],
        "computeId": sweep["computeId"],
        "inputs": sweep.get("inputs") or {},
        "outputs": sweep.get("outputs") or {},
        "environmentVariables": {
            **variables,
            **{f"{SWEEP_VARIABLE}{name}": text for name, text in texts.items()},
        },
        "resources": trial["resources"],
        "distribution": trial.get("distribution"),
        "limits": {"jobLimitsType": "Command", "timeout": limit} if limit else None,
        "displayName": child.id,
        "experimentName": sweep["experimentName"],
        "isArchived": False,
        "tags": {HYPERPARAMETERS: json.dumps(dict(child.assignment))},
        "properties": noted_reads(sorted(read_of_nodes(sweep.get("properties") or {}))),
    }
