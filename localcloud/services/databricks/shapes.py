"""The JSON types of what callers of a Databricks workspace send; another is refused at once."""

from collections.abc import Mapping
from typing import Final

from infra.catalogue.body_shapes import Shape

_VALUES: Final[Shape] = {"*": "text"}
_CLUSTER: Final[Shape] = {
    "cluster_id": "string",
    "cluster_name": "string",
    "spark_version": "string",
    "node_type_id": "string",
    "num_workers": "integer",
    "spark_conf": _VALUES,
    "spark_env_vars": _VALUES,
    "cluster_log_conf": {
        "dbfs": {"destination": "string"},
        "volumes": {"destination": "string"},
    },
}
_LIBRARIES: Final[Shape] = [
    {
        "pypi": {"package": "string", "repo": "string"},
        "whl": "string",
        "egg": "string",
        "jar": "string",
        "requirements": "string",
    }
]
_TASK: Final[Mapping[str, Shape]] = {
    "task_key": "string",
    "existing_cluster_id": "string",
    "new_cluster": _CLUSTER,
    "libraries": _LIBRARIES,
    "timeout_seconds": "integer",
    "environment_key": "string",
    "depends_on": [{"task_key": "string"}],
    "spark_python_task": {"python_file": "string", "parameters": ["text"], "source": "string"},
    "notebook_task": {"notebook_path": "string", "base_parameters": _VALUES},
    "python_wheel_task": {
        "package_name": "string",
        "entry_point": "string",
        "parameters": ["text"],
        "named_parameters": _VALUES,
    },
    "spark_jar_task": {"main_class_name": "string", "parameters": ["text"]},
    "spark_submit_task": {"parameters": ["text"]},
}
_ENVIRONMENT: Final[Shape] = {
    "environment_key": "string",
    "spec": {"dependencies": ["string"]},
}
_PATH: Final[Shape] = {"path": "string", "recursive": "boolean", "overwrite": "boolean"}
SHAPES: Final[dict[str, Shape]] = {
    "/jobs/runs/submit": {
        **_TASK,
        "run_name": "string",
        "idempotency_token": "string",
        "tasks": [_TASK],
        "environments": [_ENVIRONMENT],
    },
    "/jobs/runs/cancel": {"run_id": "long"},
    "/jobs/runs/delete": {"run_id": "long"},
    "/clusters/create": _CLUSTER,
    "/clusters/edit": _CLUSTER,
    "/libraries/install": {"cluster_id": "string", "libraries": _LIBRARIES},
    "/libraries/uninstall": {"cluster_id": "string", "libraries": _LIBRARIES},
    "/dbfs/create": _PATH,
    "/dbfs/add-block": {"handle": "long", "data": "string"},
    "/dbfs/close": {"handle": "long"},
    "/dbfs/delete": _PATH,
    "/dbfs/mkdirs": _PATH,
    "/dbfs/move": {"source_path": "string", "destination_path": "string"},
    "/workspace/mkdirs": _PATH,
    "/workspace/delete": _PATH,
    "/token/create": {"comment": "string", "lifetime_seconds": "number"},
    "/unity-catalog/volumes": {
        "catalog_name": "string", "schema_name": "string", "name": "string",
        "volume_type": "string",
    },
}  # fmt: skip
"""By path below ``/api/{version}``."""
