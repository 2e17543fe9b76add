"""The words of CLI v2's YAML, which nodes of pipeline jobs are written in, in those of ARM. Pure.

Clients send a pipeline's nodes as they are in the file: keys in snake_case, durations in seconds,
expressions with named arguments.
"""

import re
from ast import literal_eval
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from infra.catalogue.durations import seconds_only
from infra.contract.json_types import Document, JsonObject

_MODES: Final = {
    "ro_mount": "ReadOnlyMount",
    "rw_mount": "ReadWriteMount",
    "mount": "ReadWriteMount",
    "download": "Download",
    "upload": "Upload",
    "direct": "Direct",
    "eval_mount": "EvalMount",
    "eval_download": "EvalDownload",
}
_DISTRIBUTIONS: Final = {"pytorch": "PyTorch", "mpi": "Mpi", "tensorflow": "TensorFlow"}
_POLICIES: Final = {
    "bandit": "Bandit",
    "median_stopping": "MedianStopping",
    "truncation_selection": "TruncationSelection",
}
_CHOSEN: Final = frozenset(
    {
        *("nCrossValidations", "forecastHorizon", "seasonality"),
        *("targetLags", "targetRollingWindowSize"),
    }
)
_GROUPS: Final = ("training", "featurization", "forecasting")
"""The groups of an automl node's settings, which ARM calls `trainingSettings` and so on."""
_RANGE: Final = ("min_value", "max_value")
_ARGUMENTS: Final[Mapping[str, Sequence[str]]] = {
    "choice": ("values",),
    "randint": ("upper",),
    "uniform": _RANGE,
    "loguniform": _RANGE,
    "quniform": (*_RANGE, "q"),
    "qloguniform": (*_RANGE, "q"),
    "normal": ("mu", "sigma"),
    "lognormal": ("mu", "sigma"),
    "qnormal": ("mu", "sigma", "q"),
    "qlognormal": ("mu", "sigma", "q"),
}


def in_arm_words(document: Document) -> JsonObject:
    """Return a document with its own keys in camelCase: ``instance_count`` → ``instanceCount``."""
    return {
        re.sub(r"_([a-z])", lambda match: match[1].upper(), key): value
        for key, value in document.items()
        if value is not None
    }


def data_mode(mode: object) -> str | None:
    """Return how data is delivered, as ARM spells it."""
    return _MODES.get(str(mode), str(mode)) if mode else None


def distribution(given: object) -> JsonObject | None:
    """Return how processes are started: ``{type: pytorch, process_count_per_instance: 2}``."""
    if not isinstance(given, Mapping) or not given:
        return None
    words = in_arm_words({key: value for key, value in given.items() if key != "type"})
    kind = str(given.get("type") or words.get("distributionType") or "")
    return {**words, "distributionType": _DISTRIBUTIONS.get(kind.lower(), kind)}


def command_limits(given: object) -> JsonObject | None:
    """Return the limits of a command job, ``None`` without any."""
    timeout = given.get("timeout") if isinstance(given, Mapping) else None
    return {"jobLimitsType": "Command", "timeout": _duration(timeout)} if timeout else None


def sweep_parts(given: Document) -> JsonObject:
    """Return what a sweep node says beside its trial, as a sweep job does."""
    limits = in_arm_words(_map(given, "limits"))
    for key in ("timeout", "trialTimeout"):
        limits[key] = _duration(limits.get(key))
    space = _map(given, "search_space") or _map(given, "searchSpace")
    return {
        "searchSpace": {name: _expression(each) for name, each in space.items()},
        "samplingAlgorithm": _sampling(given.get("sampling_algorithm") or "random"),
        "objective": in_arm_words(_map(given, "objective")),
        "limits": {"jobLimitsType": "Sweep", **{k: v for k, v in limits.items() if v is not None}},
        "earlyTermination": _policy(given.get("early_termination")),
    }


def search_details(given: Document) -> JsonObject:
    """Return what an automl node searches, as the `taskDetails` of an automl job."""
    limits = in_arm_words(_map(given, "limits"))
    for key in ("timeout", "trialTimeout"):
        minutes = limits.pop(f"{key}Minutes", None)
        if minutes is not None:
            limits[key] = seconds_only(float(minutes) * 60)
    groups = {
        f"{name}Settings": {
            key: _unprinted(each) for key, each in in_arm_words(_map(given, name)).items()
        }
        for name in _GROUPS
    }
    found = {
        **in_arm_words({k: v for k, v in given.items() if k not in {"task", "limits", *_GROUPS}}),
        **{name: group for name, group in groups.items() if group},
        "taskType": _in_capitals(str(given.get("task") or "")),
    }
    for settings in (found, found.get("forecastingSettings") or {}):
        settings.update({key: _chosen(settings[key]) for key in _CHOSEN & settings.keys()})
    return found | ({"limitSettings": limits} if limits else {})


def _unprinted(value: object) -> object:
    """Return a list that azure-ai-ml sends as Python prints it: ``"['shop']"``."""
    if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
        with suppress(ValueError, SyntaxError):
            return literal_eval(value)
    return value


def _chosen(value: object) -> object:
    """Return a number that may be left to the search: ``auto``, a number, or several."""
    if isinstance(value, Mapping):
        return value
    if value == "auto":
        return {"mode": "Auto"}
    return {"mode": "Custom", "values" if isinstance(value, list) else "value": value}


def _in_capitals(word: str) -> str:
    return "".join(part.capitalize() for part in word.split("_"))


def _expression(each: object) -> object:
    if not isinstance(each, Mapping):
        return each
    kind = str(each.get("type") or "")
    if kind not in _ARGUMENTS:
        return dict(each)
    return [kind, [each.get(name) for name in _ARGUMENTS[kind]]]


def _sampling(given: object) -> JsonObject:
    if not isinstance(given, Mapping):
        return {"samplingAlgorithmType": str(given).capitalize()}
    words = in_arm_words({key: value for key, value in given.items() if key != "type"})
    kind = str(given.get("type") or words.get("samplingAlgorithmType") or "random")
    return {**words, "samplingAlgorithmType": kind.capitalize()}


def _policy(given: object) -> JsonObject | None:
    if not isinstance(given, Mapping) or not given:
        return None
    words = in_arm_words({key: value for key, value in given.items() if key != "type"})
    kind = str(given.get("type") or words.get("policyType") or "")
    return {**words, "policyType": _POLICIES.get(kind.lower(), kind)}


def _duration(value: object) -> str | None:
    """Return a duration in ISO 8601, which may be given in seconds."""
    if value is None:
        return None
    text = str(value)
    return seconds_only(float(text)) if re.fullmatch(r"\d+(\.\d+)?", text) else text


def _map(document: Document, key: str) -> Document:
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}
