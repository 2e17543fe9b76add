"""The shapes of MLflow's requests, by endpoint, as its protocol buffers define them.

Only what this cloud reads is listed; an endpoint that is missing takes any JSON object.
"""

from collections.abc import Mapping
from typing import Final

from infra.catalogue.body_shapes import Shape

_TAGS: Final[Shape] = [{"key": "string", "value": "text"}]
_METRIC: Final[Mapping[str, Shape]] = {
    "key": "string",
    "value": "text",
    "timestamp": "long",
    "step": "long",
    "model_id": "string",
    "dataset_name": "string",
    "dataset_digest": "string",
}
_RUN: Final[Mapping[str, Shape]] = {"run_id": "string", "run_uuid": "string"}
_TAG: Final[Mapping[str, Shape]] = {"key": "string", "value": "text"}
_EXPERIMENT: Final[Mapping[str, Shape]] = {"experiment_id": "text"}
_MODEL: Final[Mapping[str, Shape]] = {"name": "string"}
_VERSION: Final[Mapping[str, Shape]] = {"name": "string", "version": "text"}
_PAGE: Final[Mapping[str, Shape]] = {
    "experiment_ids": ["text"],
    "filter": "string",
    "max_results": "long",
    "page_token": "text",
}

SHAPES: Final[Mapping[str, Shape]] = {
    "experiments/create": {"name": "string", "artifact_location": "string", "tags": _TAGS},
    "experiments/search": {**_PAGE, "view_type": "string", "order_by": ["string"]},
    "experiments/update": {**_EXPERIMENT, "new_name": "string"},
    "experiments/delete": _EXPERIMENT,
    "experiments/restore": _EXPERIMENT,
    "experiments/set-experiment-tag": {**_EXPERIMENT, **_TAG},
    "experiments/delete-experiment-tag": {**_EXPERIMENT, "key": "string"},
    "runs/create": {
        **_EXPERIMENT,
        "user_id": "string",
        "run_name": "string",
        "start_time": "long",
        "tags": _TAGS,
    },
    "runs/update": {**_RUN, "run_name": "string", "status": "string", "end_time": "long"},
    "runs/delete": _RUN,
    "runs/restore": _RUN,
    "runs/search": {**_PAGE, "run_view_type": "string", "order_by": ["string"]},
    "runs/log-metric": {**_RUN, **_METRIC},
    "runs/log-parameter": {**_RUN, **_TAG},
    "runs/log-batch": {**_RUN, "metrics": [_METRIC], "params": _TAGS, "tags": _TAGS},
    "runs/set-tag": {**_RUN, **_TAG},
    "runs/delete-tag": {**_RUN, "key": "string"},
    "runs/log-inputs": {**_RUN, "datasets": [{}], "models": [{}]},
    "runs/outputs": {**_RUN, "models": [{}]},
    "runs/log-model": {**_RUN, "model_json": "string"},
    "logged-models": {
        **_EXPERIMENT,
        "name": "string",
        "model_type": "string",
        "source_run_id": "string",
        "params": _TAGS,
        "tags": _TAGS,
    },
    "logged-models/search": {
        **_PAGE,
        "order_by": [{"field_name": "string", "ascending": "boolean"}],
    },
    "logged-models/{}": {"status": "text"},
    "logged-models/{}/tags": {"tags": _TAGS},
    "logged-models/{}/params": {"params": _TAGS},
    "registered-models/create": {"name": "string", "description": "string", "tags": _TAGS},
    "registered-models/get": _MODEL,
    "registered-models/update": {**_MODEL, "description": "string"},
    "registered-models/rename": {**_MODEL, "new_name": "string"},
    "registered-models/delete": _MODEL,
    "registered-models/search": {**_PAGE, "order_by": ["string"]},
    "registered-models/get-latest-versions": {**_MODEL, "stages": ["string"]},
    "registered-models/set-tag": {**_MODEL, **_TAG},
    "registered-models/delete-tag": {**_MODEL, "key": "string"},
    "registered-models/alias": {**_VERSION, "alias": "string"},
    "model-versions/create": {
        **_MODEL,
        "source": "string",
        "run_id": "string",
        "run_link": "string",
        "model_id": "string",
        "description": "string",
        "tags": _TAGS,
    },
    "model-versions/get": _VERSION,
    "model-versions/update": {**_VERSION, "description": "string"},
    "model-versions/delete": _VERSION,
    "model-versions/search": {**_PAGE, "order_by": ["string"]},
    "model-versions/get-download-uri": _VERSION,
    "model-versions/set-tag": {**_VERSION, **_TAG},
    "model-versions/delete-tag": {**_VERSION, "key": "string"},
}
