"""The request bodies of the azureml target: pure functions of a prepared run.

They follow Azure ML's REST API for jobs, code and environments.
"""

import hashlib
import json
import shlex
from collections.abc import Sequence
from typing import Final

import yaml

from infra.catalogue.durations import seconds_only
from infra.contract.json_types import Document, JsonObject
from runtime.agent.archive import ARCHIVE_NAME
from runtime.agent.main import AGENT_PYTHON
from runtime.environments.conda import parse_conda
from runtime.environments.images import (
    BuildContext,
    build_context,
    image_identity,
    image_name,
)
from runtime.environments.locking import lock
from runtime.environments.requirements import requirement_lines
from runtime.environments.resolved import ResolvedLock, locked_lines
from runtime.model.environments import DEFAULT_IMAGE, EnvironmentSpec
from runtime.model.launching import Distribution
from runtime.model.runs import QUEUE_TIMEOUT, PreparedRun, RunSpec, SourceSnapshot
from runtime.targets.agent_options import ranked_options
from runtime.targets.azureml_data import JobData, prefix

IMAGE: Final = f"{DEFAULT_IMAGE}:latest"
"""The image of an environment that names none; the local cloud does not pull it."""
_OF_THE_TRIAL: Final = (
    *("codeId", "environmentId", "environmentVariables", "distribution", "resources"),
)
"""What a sweep job says of its trial; it says the rest of a command job itself."""
_DEFAULT_PYTHON: Final = "3.11"


def code_asset(snapshot: SourceSnapshot, agent: bytes) -> tuple[str, str]:
    """Return the name and version of a snapshot's code asset.

    The name identifies the snapshot, the version the agent uploaded with it: an unchanged folder
    is uploaded once for each version of the agent.
    """
    return f"aml-{snapshot.id[:40]}", hashlib.sha256(agent).hexdigest()[:12]


def environment_asset(
    spec: EnvironmentSpec, context_uri: str | None = None
) -> tuple[str, JsonObject]:
    """Return the name (a content hash; the version is always 1) and body of an environment.

    A user-managed one uses the interpreter of the image or node, and has no conda file.
    ``context_uri`` is where the files of ``environment_context`` are.
    """
    # As the service's own clients mark what a job brings along: nobody registered it.
    properties: JsonObject = {"osType": "Linux", "isAnonymous": True}
    context = environment_context(spec)
    if context is not None:
        properties["build"] = {"contextUri": context_uri, "dockerfilePath": context.dockerfile}
    else:
        properties["image"] = image_name(spec.image) if spec.image else IMAGE
        if spec.kind != "user_managed":
            properties["condaFile"] = conda_text(spec)
    return environment_name(spec), {"properties": properties}


def environment_name(spec: EnvironmentSpec) -> str:
    """Return the name of an environment asset, from the hash of its content."""
    if spec.kind != "user_managed":
        locked = lock(spec, with_conda=True)
        exact = f"-{locked.resolved.digest[:12]}" if locked.resolved else ""
        return f"aml-{locked.hash}{exact}"
    if spec.image is None:
        return "aml-user-managed"
    text = json.dumps(image_identity(spec.image), sort_keys=True)
    return f"aml-image-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def environment_context(spec: EnvironmentSpec) -> BuildContext | None:
    """Return what the environment's image is built from; ``None`` for one that is pulled."""
    if spec.image is None:
        return None
    return build_context(spec.image, None if spec.kind == "user_managed" else conda_text(spec))


def conda_text(spec: EnvironmentSpec) -> str:
    """Return the conda document of an environment, as text."""
    text: str = yaml.safe_dump(conda_document(spec), sort_keys=False)
    return text


def conda_document(spec: EnvironmentSpec) -> JsonObject:
    """Return the environment as the conda document Azure ML builds from."""
    if spec.lock is not None:
        return _locked_document(spec, ResolvedLock(spec.lock))
    if spec.kind == "pip":
        lines = requirement_lines(spec.requirements or "")
        python = f"python={spec.python or _DEFAULT_PYTHON}"
        return {"dependencies": [python, "pip", {"pip": lines}]}
    document: JsonObject = yaml.safe_load(spec.conda or "") or {}
    # Conda and pip would install a package `none` for a blank item.
    listed = [
        {"pip": _listed(item.get("pip"))} if isinstance(item, dict) else item
        for item in _listed(document.get("dependencies"))
    ]
    items = [item for item in listed if item != {"pip": []}]
    if spec.python:
        others = [item for item in items if isinstance(item, dict) or _package(item) != "python"]
        items = [f"python={spec.python}", *others]
    changes: JsonObject = {"dependencies": items}
    if document.get("channels"):
        changes["channels"] = _listed(document["channels"])
    variables = parse_conda(spec.conda or "").variables
    return document | changes | ({"variables": variables} if variables else {})


def _locked_document(spec: EnvironmentSpec, resolved: ResolvedLock) -> JsonObject:
    """Return the conda document of exact versions, with the options of the declared one.

    Hashes are left out: conda's pip checks them only if every package has one.
    """
    declared = lock(spec, with_conda=True)
    if resolved.is_conda:
        document: JsonObject = yaml.safe_load(resolved.body)
    else:
        lines = [
            line.partition(" --hash")[0].strip() for line in locked_lines(resolved, declared.lines)
        ]
        python = f"python={resolved.python}"
        document = {"dependencies": [python, "pip", {"pip": lines}]}
    variables = parse_conda(spec.conda).variables if spec.conda else {}
    return document | ({"variables": variables} if variables else {})


def _listed(items: Sequence[JsonObject | str | None] | None) -> list[JsonObject | str]:
    """Return the items of a list that are not blank."""
    return [item for item in items or () if isinstance(item, dict) or (item and item.strip())]


def job_body(
    run: PreparedRun,
    *,
    code_id: str,
    environment_id: str,
    compute_id: str,
    data: JobData = JobData(),  # noqa: B008 - frozen
) -> JsonObject:
    """Return the command job of a run, whose command is the agent around the script."""
    properties: JsonObject = {
        "jobType": "Command",
        "displayName": run.spec.display_name or run.run_id,
        "experimentName": run.experiment,
        "command": prefix(data.exports) + job_command(run),
        "codeId": code_id,
        "environmentId": environment_id,
        "computeId": compute_id,
        "environmentVariables": {**run.spec.variables, **data.variables},
        "resources": _resources(run.spec),
        "limits": {"jobLimitsType": "Command", "timeout": seconds_only(run.spec.max_duration_s)},
        "tags": dict(run.spec.tags),
        "properties": dict(run.properties),
        "isArchived": False,
    }
    if run.spec.distribution is not None:
        properties["distribution"] = _distribution(run.spec.distribution, run.spec.node_count)
    if run.spec.queue_timeout_s:
        properties["properties"][QUEUE_TIMEOUT] = str(run.spec.queue_timeout_s)
    if run.spec.description:
        properties["description"] = run.spec.description
    for name, given in (("inputs", data.inputs), ("outputs", data.outputs)):
        if given:
            properties[name] = dict(given)
    return {"properties": properties}


def sweep_body(trial: Document, sweep: Document) -> JsonObject:
    """Return the sweep job whose trial is a command job.

    ``sweep`` has the properties of its own. The service writes values for ``${{search_space.x}}``,
    which are the only expressions that it may see in a command.
    """
    given = dict(trial["properties"])
    for name in ("jobType", "limits"):
        del given[name]
    command = str(given.pop("command")).replace("$''{{search_space.", "${{search_space.")
    parts = {name: given.pop(name) for name in _OF_THE_TRIAL if name in given}
    return {"properties": {**given, **sweep, "trial": {"command": command, **parts}}}


def _resources(spec: RunSpec) -> JsonObject:
    """Return the nodes of a job, and how its container is run where the spec says so."""
    resources: JsonObject = {"instanceCount": spec.node_count}
    if spec.docker.shm_size:
        resources["shmSize"] = spec.docker.shm_size
    if spec.docker.arguments:
        resources["dockerArgs"] = shlex.join(spec.docker.arguments)
    return resources


def _distribution(how: Distribution, nodes: int) -> JsonObject:
    """Return how the nodes start the command, once for each process."""
    if how.kind == "tensorflow":
        return {
            "distributionType": "TensorFlow",
            "workerCount": how.workers,
            "parameterServerCount": how.parameter_servers,
        }
    kind = "Mpi" if how.kind == "mpi" else "PyTorch"
    return {"distributionType": kind, "processCountPerInstance": how.per_node(nodes)}


def job_command(run: PreparedRun) -> str:
    """Return the shell command that a node runs in the snapshot's folder.

    A node has the environment's ``python`` on its ``PATH``: a line of the shell finds it there. A
    node of the local cloud runs the agent on a Python of its own.

    An argument reaches the script as it is on every target: the service, which would replace
    ``${{inputs.x}}`` in it, does not see the shell's ``$''{{inputs.x}}`` as a placeholder.
    """
    command = run.command if run.is_shell else ("python", *run.command)
    script = shlex.join(command).replace("${{", "$''{{").replace("$[[", "$''[[")
    options = "".join(f"{option} " for option in map(shlex.quote, ranked_options(run.spec)))
    return f'"${{{AGENT_PYTHON}:-python}}" {ARCHIVE_NAME} run {options}-- {script}'


def registered_id(spec: EnvironmentSpec, workspace: str) -> str:
    """Return the id of a registered environment. One of the workspace has its version by now."""
    end = f"versions/{spec.version}" if spec.version else "labels/latest"
    if spec.registry:
        return f"azureml://registries/{spec.registry}/environments/{spec.name}/{end}"
    return f"{workspace}/environments/{spec.name}/{end}"


def blob_url(datastore: Document) -> str:
    """Return the URL of a datastore's container, built as in Microsoft's clients."""
    found = datastore["properties"]
    host = f"{found['accountName']}.blob.{found.get('endpoint') or 'core.windows.net'}"
    return f"{found.get('protocol') or 'https'}://{host}/{found['containerName']}"


def reached_by_identity(datastore: Document) -> bool:
    """Return whether a datastore has no secrets: whoever reads it needs a role."""
    found = (datastore.get("properties") or {}).get("credentials") or {}
    return str(found.get("credentialsType")) == "None"


def blob_credential(datastore: Document, secrets: Document) -> str | dict[str, str]:
    """Return azure-storage-blob's credential for the response of a datastore's ``listSecrets``."""
    if secrets.get("secretsType") == "Sas":
        return str(secrets["sasToken"])
    account = str(datastore["properties"]["accountName"]).rpartition("/")[2]
    return {"account_name": account, "account_key": str(secrets["key"])}


def _package(item: str) -> str:
    name = item.rpartition("::")[2]
    for mark in "=<>! ":
        name = name.partition(mark)[0]
    return name
