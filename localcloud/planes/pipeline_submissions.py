"""Submissions of published pipelines and pipeline endpoints, at ``/pipelines/v1.0``.

What a published pipeline is, and what a request may say, is not known here: only that the project
keeps pipelines in ``<home>/published/``, and the process that does the rest.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from infra.contract.json_types import JsonObject
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import Route

_PROCESS: Final = "runtime.pipelines.requested"
_LIMIT_S: Final = 120.0


def submit_pipeline(call: Call) -> Reply:
    """Start a published pipeline, and respond with the id of its run."""
    return _submit(call, {"pipeline": call.params["pipeline"]})


def submit_endpoint(call: Call) -> Reply:
    """Start the default pipeline of an endpoint, or that of the version in the path."""
    params = call.params
    return _submit(call, {"endpoint": params["endpoint"], "version": params.get("version")})


def submit_named_endpoint(call: Call) -> Reply:
    """Start the pipeline of the endpoint, and of the version, that the query names."""
    name, version = call.query.get("name"), call.query.get("pipelineversion")
    if not name:
        raise RefusedError(400, "UserError", "The query has no 'name': give '?name=ENDPOINT'.")
    return _submit(call, {"endpoint": name, "version": version or None})


def _submit(call: Call, wanted: JsonObject) -> Reply:
    existing(call, call.workspace)
    request = {**wanted, "workspace": call.workspace, "body": call.json()}
    home = call.cloud.folder.parent
    if not _publishes(home, wanted.get("pipeline")):
        raise RefusedError(
            404, "NotFound", f"There is no published pipeline '{next(iter(wanted.values()))}'."
        )
    found = _answer(home, request)
    if "id" in found:
        return answer({"Id": found["id"]})
    details = [
        {"code": found["code"], "message": sentence, "target": name}
        for name, sentence in found.get("problems", ())
    ]
    raise RefusedError(found["status"], found["code"], found["message"], details=details)


def _publishes(home: Path, pipeline: str | None) -> bool:
    """Return whether the project keeps this pipeline (``None``: any at all)."""
    return any(pipeline in {None, each.stem} for each in (home / "published").glob("*.json"))


def _answer(home: Path, request: JsonObject) -> JsonObject:
    """Return what the project's process answers; its errors are in the daemon's log."""
    process = subprocess.run(
        [sys.executable, "-P", "-m", _PROCESS],
        input=json.dumps(request).encode(),
        env={**os.environ, "AML_HOME": str(home)},
        stdout=subprocess.PIPE,
        timeout=_LIMIT_S,
        check=True,
        start_new_session=True,
    )
    found: JsonObject = json.loads(process.stdout)
    return found


_RUNS: Final = "/pipelines/v1.0{ws}/PipelineRuns"
_ENDPOINTS: Final = f"{_RUNS}/PipelineEndpointSubmit"
ROUTES: Final = (
    Route("POST", f"{_RUNS}/PipelineSubmit/{{pipeline}}", submit_pipeline),
    Route("POST", f"{_ENDPOINTS}/Id/{{endpoint}}", submit_endpoint),
    Route("POST", f"{_ENDPOINTS}/Id/{{endpoint}}/{{version}}", submit_endpoint),
    Route("POST", f"{_ENDPOINTS}/Name", submit_named_endpoint),
)
