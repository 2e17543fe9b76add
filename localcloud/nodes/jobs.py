"""A job as the nodes need it: plain values, read from the store once.

Also the pure parts of starting one: the command with its placeholders filled in, the variables.
"""

import shlex
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from infra.catalogue.durations import duration_s
from infra.catalogue.names import parse_arm_id
from infra.contract.errors import UsageError
from infra.contract.json_types import Document
from localcloud.calls.automl import as_command
from localcloud.calls.job_commands import filled, placeholders
from localcloud.calls.job_limits import queue_limit
from localcloud.calls.node_reads import read_of_nodes
from localcloud.nodes.ranks import launch_of
from localcloud.store.resources import StoredResource
from localcloud.store.runs import StoredRun
from runtime.agent.ranks import Launch

_DIRECT: Final = "direct"
_MOUNTED: Final = "readwritemount"
_EVALUATED: Final = frozenset({"evalmount", "evaldownload"})


@dataclass(frozen=True, slots=True)
class Binding:
    """One declared input or output. ``uri`` is empty for a literal, and for a default output.

    ``value`` is ``None`` for a literal without one. ``direct``: the command gets the URI itself.
    ``mounted``: an output that shows what is stored there already, and keeps what is written
    although the job may not end.
    ``evaluated``: of a table, the command gets the files that it chooses.
    ``asset`` is the name an output is registered under, ``version`` empty for the next one.
    ``may_be_empty``: of a folder that another node of the pipeline writes.
    """

    name: str
    kind: str  # literal, uri_file, uri_folder, …
    uri: str = ""
    value: str | None = None
    direct: bool = False
    evaluated: bool = False
    mounted: bool = False
    asset: str = ""
    version: str = ""
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A submitted command job. ``timeout_s`` is ``None`` for no limit.

    ``queue_timeout_s`` limits how long it may wait for its nodes. ``launch``: how several processes
    are started. ``shm_size`` and ``docker_arguments`` are for its container, if it runs in one.
    """

    id: str
    run: int
    name: str
    workspace: str
    compute: str
    command: str
    code: str | None
    environment: str
    experiment: str
    experiment_id: str
    inputs: tuple[Binding, ...] = ()
    outputs: tuple[Binding, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    node_count: int = 1
    timeout_s: float | None = None
    queue_timeout_s: float | None = None
    shm_size: str = ""
    docker_arguments: str = ""
    launch: Launch | None = None

    @property
    def artifact_folder(self) -> str:
        return f"ExperimentRun/dcid.{self.name}"


def job_of(resource: StoredResource, run: StoredRun) -> Job:
    """Return the job that a stored resource describes."""
    given = as_command(resource.parent, resource.properties)
    timeout = (given.get("limits") or {}).get("timeout")
    resources = given.get("resources") or {}
    read = read_of_nodes(given.get("properties") or {})
    return Job(
        id=resource.id,
        run=run.key,
        name=resource.name,
        workspace=resource.parent,
        compute=str(given["computeId"]),
        command=str(given["command"]),
        code=given.get("codeId"),
        environment=str(given["environmentId"]),
        experiment=str(given["experimentName"]),
        experiment_id=run.experiment,
        inputs=_bindings(given.get("inputs"), "jobInputType", read),
        outputs=_bindings(given.get("outputs"), "jobOutputType"),
        variables={k: str(v) for k, v in (given.get("environmentVariables") or {}).items()},
        node_count=int(resources.get("instanceCount") or 1),
        timeout_s=duration_s(str(timeout)) if timeout else None,
        queue_timeout_s=queue_limit(given.get("properties") or {}),
        shm_size=str(resources.get("shmSize") or ""),
        docker_arguments=str(resources.get("dockerArgs") or ""),
        launch=launch_of(given.get("distribution"), int(resources.get("instanceCount") or 1)),
    )


def command_line(job: Job, places: Mapping[str, str]) -> str:
    """Return the shell command, with placeholders replaced by literals and paths.

    Optional parts without a value are left out.
    ``places`` maps ``inputs.x`` and ``outputs.y`` to paths, which are quoted; literals are not.
    """
    literals = {
        f"inputs.{b.name}": b.value
        for b in job.inputs
        if b.kind == "literal" and b.value is not None
    }
    known = {**literals, **{key: shlex.quote(path) for key, path in places.items()}}
    for key in placeholders(job.command, known.keys()):
        if key not in known:
            raise UsageError(
                f"The command uses {key}, which the job does not declare.",
                remedy="Declare it among the job's inputs or outputs.",
            )
    return filled(job.command, known)


def script_variables(
    job: Job,
    *,
    url: str,
    ca: Path,
    token: str,
    token_expires: float,
    workspace_guid: str,
) -> dict[str, str]:
    """Return the environment variables Azure ML sets for a script: its run and where to track."""
    ws = parse_arm_id(job.workspace)
    return {
        "AZUREML_RUN_ID": job.name,
        "AZUREML_EXPERIMENT_ID": job.experiment_id,
        "AZUREML_EXPERIMENT_SCOPE": f"{job.workspace}/experiments/{job.experiment}",
        "AZUREML_WORKSPACE_ID": workspace_guid,
        "AZUREML_WORKSPACE_SCOPE": job.workspace,
        "AZUREML_ARM_SUBSCRIPTION": ws.subscription,
        "AZUREML_ARM_RESOURCEGROUP": ws.resource_group or "",
        "AZUREML_ARM_WORKSPACE_NAME": ws.name,
        "AZUREML_ARM_PROJECT_NAME": job.experiment,
        "AZUREML_SERVICE_ENDPOINT": url,
        "AZUREML_DISCOVERY_SERVICE_ENDPOINT": f"{url}/discovery",
        "AZUREML_RUN_TOKEN": token,
        "AZUREML_RUN_TOKEN_EXPIRY": str(int(token_expires)),
        "AZUREML_NODE_COUNT": str(job.node_count),
        # As on Azure's nodes; azureml-core would look for the known clouds on the internet.
        "AZUREML_CURRENT_CLOUD": job.variables.get("AZUREML_CURRENT_CLOUD", "AzureCloud"),
        "REQUESTS_CA_BUNDLE": job.variables.get("REQUESTS_CA_BUNDLE", str(ca)),
        # What reads datasets for azureml-core is no Python, and looks here.
        "SSL_CERT_FILE": job.variables.get("SSL_CERT_FILE", str(ca)),
        "MLFLOW_TRACKING_URI": f"{url}/mlflow/v2.0{job.workspace}",
        "MLFLOW_TRACKING_TOKEN": token,
        "MLFLOW_TRACKING_SERVER_CERT_PATH": str(ca),
        "MLFLOW_RUN_ID": job.name,
        "MLFLOW_EXPERIMENT_ID": job.experiment_id,
        "MLFLOW_EXPERIMENT_NAME": job.experiment,
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # there is no web UI behind the URL
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "PYTHONUNBUFFERED": "1",
    }


def _bindings(
    declared: Document | None, discriminator: str, read: Container[str] = ()
) -> tuple[Binding, ...]:
    return tuple(
        Binding(
            name,
            str(value.get(discriminator) or "uri_folder"),
            str(value.get("uri") or ""),
            str(value["value"]) if value.get("value") is not None else None,
            str(value.get("mode") or "").lower() == _DIRECT,
            str(value.get("mode") or "").lower() in _EVALUATED,
            str(value.get("mode") or "").lower() == _MOUNTED,
            str(value.get("assetName") or ""),
            str(value.get("assetVersion") or ""),
            name in read and value.get(discriminator) == "uri_folder",
        )
        for name, value in (declared or {}).items()
        if value is not None
    )
