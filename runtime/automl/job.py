"""Automl jobs as documents: CLI v2's, and REST's `jobType: AutoML` of azure-ai-ml. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from infra.catalogue.durations import duration_s
from infra.contract.json_types import Document, JsonObject
from runtime.automl.rules import Read, Wrong, read_settings
from runtime.automl.run import TRAINING, VALIDATION
from runtime.automl.settings import SETTINGS

OF_THE_JOB: Final = frozenset(
    {
        *("$schema", "type", "name", "display_name", "experiment_name", "description", "tags"),
        *("properties", "compute", "resources", "outputs", "queue_settings", "identity"),
        *("environment_variables", "services", "id", "status", "creation_context"),
    }
)
"""The keys of a job that are those of any job: they are not settings of the search."""
_GROUPS: Final = ("limits", "training", "featurization", "forecasting")
_SEED: Final = "aml.automl.seed"
_RENAMED: Final[Mapping[str, str]] = {
    "task_type": "task",
    "limit_settings": "limits",
    "training_settings": "training",
    "featurization_settings": "featurization",
    "forecasting_settings": "forecasting",
}
_FREE: Final = frozenset(
    {"columnNameAndTypes", "column_name_and_types", "transformerParams", "transformer_params"}
)
"""Maps whose keys are names of columns or transformers."""
_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class SearchInput:
    """Data of a search: ``path`` as it is written, ``kind`` such as ``mltable`` or ``uri_file``."""

    name: str
    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class SearchJob:
    """What a job searches, and its data; ``read`` has its problems and notes, by path."""

    read: Read
    inputs: tuple[SearchInput, ...]


def search_job(document: Document) -> SearchJob:
    """Return the search of a job of CLI v2, as a plain document."""
    read = read_settings(dict(_settings(document)), "v2")
    inputs = [
        SearchInput(
            name,
            str(given.get("path") or given.get("uri") or ""),
            str(given.get("type") or given.get("job_input_type") or "mltable"),
        )
        for name in (TRAINING, VALIDATION)
        if isinstance(given := document.get(name), Mapping)
    ]
    wrong = [
        Wrong(each.name, f"`{each.name}` has no path.", "Write `path: …`.")
        for each in inputs
        if not each.path
    ]
    if wrong:
        read = Read(None, [*read.wrong, *wrong], read.notes)
    return SearchJob(read, tuple(inputs))


def rest_job(properties: Document) -> SearchJob:
    """Return the search of a REST job: the ``properties`` of `jobType: AutoML`."""
    return search_job(job_document(properties))


def job_document(properties: Document) -> JsonObject:
    """Return a REST job in the form of CLI v2, as far as it says what is searched."""
    details = _snake(properties.get("taskDetails") or {})
    document = {_RENAMED.get(key, key): value for key, value in details.items()}
    limits = dict(document.get("limits") or {})
    for key in ("timeout", "trial_timeout"):
        if limits.get(key):
            seconds = duration_s(str(limits.pop(key)))
            limits[f"{key}_minutes"] = seconds / 60 if seconds else None
    if limits:
        document["limits"] = limits
    document["n_cross_validations"] = _chosen(document.get("n_cross_validations"))
    forecasting = dict(document.get("forecasting") or {})
    if forecasting:
        document["forecasting"] = {key: _chosen(value) for key, value in forecasting.items()}
    document["task"] = _CAPITAL.sub("_", str(document.get("task") or "")).lower()
    document["properties"] = dict(properties.get("properties") or {})
    return {key: value for key, value in document.items() if value is not None}


def _settings(document: Document) -> Iterator[tuple[str, object]]:
    """Yield the settings of a job by their paths; empty values are settings left out."""
    known = {row.v2 for row in SETTINGS}
    for key, value in document.items():
        if value is None or key in OF_THE_JOB:
            continue
        if key == "featurization" and isinstance(value, str):
            yield "featurization.mode", value
        elif key in _GROUPS and isinstance(value, Mapping):
            for name, each in value.items():
                path = f"{key}.{name}"
                if each is not None and (path in known or each not in ([], {}, "", False)):
                    yield path, each
        else:
            yield key, value
    seed = (document.get("properties") or {}).get(_SEED)
    if seed is not None:
        yield f"properties.{_SEED}", int(seed) if str(seed).isdecimal() else seed


def _chosen(value: object) -> object:
    """Return the number of `{mode: Custom, value: N}`, ``auto`` of `{mode: Auto}`."""
    if not isinstance(value, Mapping) or "mode" not in value:
        return value
    return (
        "auto" if str(value["mode"]).lower() == "auto" else value.get("value", value.get("values"))
    )


def _snake(given: object) -> JsonObject:
    """Return a document of REST with keys as CLI v2 writes them."""
    found: JsonObject = {}
    for key, value in given.items() if isinstance(given, Mapping) else ():
        name = _CAPITAL.sub("_", str(key)).lower()
        if key in _FREE or not isinstance(value, Mapping):
            found[name] = value
        else:
            found[name] = _snake(value)
    return found
