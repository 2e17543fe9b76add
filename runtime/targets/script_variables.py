"""The variables of a run's script, and what the agent tells it about the run."""

import json
import os
import uuid
from collections.abc import Mapping
from typing import Final

from infra.contract.json_types import JsonObject
from runtime.agent.attempts import ATTEMPT_VARIABLE
from runtime.agent.owner import OWNER
from runtime.agent.peers import PEERS_VARIABLE
from runtime.history.child_runs import PARENT
from runtime.model.environments import EnvironmentSpec
from runtime.model.redaction import redacted
from runtime.targets.run_folder import RunFolder, Task

_FOREIGN: Final = (
    "MLFLOW_", "AZUREML_", "AML_AGENT_", "AML_AZUREML", "AML_RUN_", "AML_INPUT_DATASETS",
    "AML_OUTPUT_DATASETS", ATTEMPT_VARIABLE, PEERS_VARIABLE,
)  # fmt: skip
_OF_ANOTHER_PYTHON: Final = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


def run_variables(
    task: Task, environment: Mapping[str, str], environ: Mapping[str, str]
) -> dict[str, str]:
    """Return the script's variables: those of this machine, the environment and the run.

    Later ones win. Variables of another run or another tracking server are left out.
    """
    inherited = {key: value for key, value in environ.items() if not key.startswith(_FOREIGN)}
    if "VIRTUAL_ENV" in environment:
        inherited = {k: v for k, v in inherited.items() if k not in _OF_ANOTHER_PYTHON}
        path = f"{environment['VIRTUAL_ENV']}/bin{os.pathsep}{inherited.get('PATH', os.defpath)}"
        inherited["PATH"] = path
    experiment_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"aml-experiment:{task.experiment}"))
    return {
        **inherited,
        **environment,
        OWNER: task.run_id,
        "AZUREML_RUN_ID": task.run_id,
        "AZUREML_EXPERIMENT_ID": experiment_id,
        "AZUREML_ARM_PROJECT_NAME": task.experiment,
        "AZUREML_NODE_COUNT": "1",
        "MLFLOW_EXPERIMENT_ID": experiment_id,
        "MLFLOW_EXPERIMENT_NAME": task.experiment,
        **task.variables,
    }


def run_facts(task: Task, folder: RunFolder) -> str:
    """Return what the agent tells the script about its run, as JSON.

    The run's number counts the runs of its experiment that this project has had here.
    """
    prefix = f"{task.experiment}_"
    names = (each.name for each in folder.path.parent.iterdir() if each.name.startswith(prefix))
    number = sum(1 for name in names if name <= task.run_id)
    facts = {
        "number": number,
        "name": task.run_id,
        "target": task.target,
        "type": "azureml.scriptrun",
        "parent": task.properties.get(PARENT) or task.tags.get("mlflow.parentRunId"),
        "tags": dict(task.tags),
        "properties": dict(task.properties),
        "environment": _shown_environment(task.environment),
    }
    return json.dumps(facts)


def _shown_environment(environment: EnvironmentSpec | None) -> JsonObject | None:
    if environment is None:
        return None
    return {
        "name": environment.name or environment.source,
        "version": environment.version,
        "conda": redacted(environment.conda or "") or None,
        "requirements": redacted(environment.requirements or "") or None,
    }
