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
    "registered-models/create": {"name": "string", "description": "string", "tags": _TAGS},
    "registered-models/update": {"name": "string", "description": "string"},
    "registered-models/rename": {"name": "string", "new_name": "string"},
    "registered-models/delete": {"name": "string"},
    "registered-models/get-latest-versions": {"name": "string", "stages": ["string"]},
    "registered-models/set-tag": {"name": "string", **_TAG},
    "registered-models/delete-tag": {"name": "string", "key": "string"},
    "registered-models/alias": {"name": "string", "alias": "string", "version": "text"},
    "model-versions/create": {
        **dict.fromkeys(("name", "source", "run_id", "run_link", "model_id"), "string"),
        "description": "string",
        "tags": _TAGS,
    },
    "model-versions/update": {**_VERSION, "description": "string"},
    "model-versions/delete": _VERSION,
    "model-versions/transition-stage": {**_VERSION, "stage": "string"},
    "model-versions/set-tag": {**_VERSION, **_TAG},
    "model-versions/delete-tag": {**_VERSION, "key": "string"},
    "logged-models/{}": {"status": "text"},
    "logged-models/{}/tags": {"tags": _TAGS},
    "logged-models/{}/params": {"params": _TAGS},
}
