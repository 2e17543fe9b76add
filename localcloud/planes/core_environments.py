"""Environments as azureml-core registers and reads them, at ``/environment/v1.0{workspace}``.

They are versions of the workspace's environments: image and conda file. What only azureml-core has
(Spark packages, variables, interpreters) is kept beside them, and given back to it.
"""

import json
import re
from typing import Final

import yaml

from infra.catalogue.body_shapes import Shape
from infra.contract.bounded_yaml import YamlError, plain
from infra.contract.json_types import Document, JsonObject
from localcloud.calls.assets import stored_asset
from localcloud.calls.lookups import existing, find
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import Route
from localcloud.store.resources import StoredResource

_TYPE: Final = "Microsoft.MachineLearningServices/workspaces/environments"
_VERSIONS: Final = f"{_TYPE}/versions"
_KEPT: Final = "azureml.core.definition"
_IMAGE: Final = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04"
_NAME: Final = re.compile(r"[a-zA-Z0-9][\w\-.]{0,254}", re.ASCII)
_SECTIONS: Final = ("python", "docker", "spark", "r", "environmentVariables")


def list_environments(call: Call) -> Reply:
    """Respond with the latest version of each environment."""
    workspace = existing(call, call.workspace)
    found = call.cloud.store.resources.children(workspace.id, type=_TYPE, now=call.now)
    newest = [_versions(call, each)[-1:] for each in found]
    return answer(
        {"value": [_document(each) for one in newest for each in one], "continuationToken": None}
    )


def show_environment(call: Call) -> Reply:
    """Respond with one version, or with the latest."""
    existing(call, call.workspace)
    name, number = call.params["name"], call.params.get("version")
    container = find(call, f"{call.workspace}/environments/{name}")
    versions = _versions(call, container) if container else []
    found = [each for each in versions if number is None or each.name == number]
    if not found:
        wanted = f"'{name}'" if number is None else f"'{name}' in version {number}"
        raise RefusedError(404, "UserError", f"There is no environment {wanted}.")
    return answer(_document(found[-1]))


def register_environment(call: Call) -> Reply:
    """Register a definition; the latest version is returned if it is the same."""
    workspace, body = existing(call, call.workspace), call.json()
    definition = _definition(body)
    name = call.params["name"]
    if not _NAME.fullmatch(name):
        raise RefusedError(
            400,
            "UserError",
            f"'{name}' is not the name of an environment: use letters, digits, '-', '_' and '.', "
            "and begin with a letter or digit.",
        )
    with call.cloud.store.database.write():
        container = find(call, f"{workspace.id}/environments/{name}")
        if container is None:
            container = stored_asset(call, workspace, f"environments/{name}", _TYPE, {})
        versions = _versions(call, container)
        if versions and _kept(versions[-1]) == definition:
            return answer(_document(versions[-1]))
        numbers = [int(each.name) for each in versions if each.name.isdecimal()]
        number = call.params.get("version") or str(max([*numbers, 0]) + 1)
        if any(each.name == number for each in versions):
            raise RefusedError(
                409, "UserError", f"Version {number} of environment '{name}' already exists."
            )
        made = stored_asset(
            call, container, f"versions/{number}", _VERSIONS, _properties(definition)
        )
    return answer(_document(made))


def _versions(call: Call, container: StoredResource) -> list[StoredResource]:
    return call.cloud.store.resources.children(container.id, type=_VERSIONS, now=call.now)


def _definition(body: Document) -> JsonObject:
    """Return the sections of a definition, whatever the case of their names."""
    found = {key[:1].lower() + key[1:]: value for key, value in body.items()}
    return {key: found.get(key) for key in (*_SECTIONS, "inferencingStackVersion")}


def _properties(definition: Document) -> JsonObject:
    """Return what Azure ML's other clients see of a definition."""
    python, docker = definition.get("python") or {}, definition.get("docker") or {}
    conda = None if python.get("userManagedDependencies") else python.get("condaDependencies")
    return {
        "image": docker.get("baseImage") or _IMAGE,
        "condaFile": yaml.safe_dump(conda, sort_keys=False) if conda else None,
        "environmentType": "UserCreated",
        "osType": "Linux",
        "properties": {_KEPT: json.dumps(definition)},
    }


def _kept(version: StoredResource) -> JsonObject | None:
    """Return the definition that azureml-core registered; other clients can write there too."""
    text = (version.properties.get("properties") or {}).get(_KEPT)
    try:
        found = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _document(version: StoredResource) -> JsonObject:
    name = version.parent.rpartition("/")[2]
    return {**(_kept(version) or _described(version)), "name": name, "version": version.name}


def _described(version: StoredResource) -> JsonObject:
    """Return the definition of an environment that another client registered."""
    properties = version.properties
    try:
        conda = plain(str(properties.get("condaFile") or ""))
    except YamlError:
        conda = None
    build: Document = properties.get("build") or {}
    return {
        "python": {
            "userManagedDependencies": conda is None,
            "interpreterPath": "python",
            "condaDependencies": conda,
        },
        "docker": {
            "baseImage": properties.get("image"),
            "baseDockerfile": None,
            "buildContext": {"location": build["contextUri"]} if build.get("contextUri") else None,
        },
        "spark": {"repositories": [], "packages": [], "precachePackages": True},
        "environmentVariables": {},
        "r": None,
        "inferencingStackVersion": None,
    }


# azureml-core has written these with a capital letter, too.
_SECTION: Final[Shape] = {
    "userManagedDependencies": "boolean",
    "interpreterPath": "string",
    "condaDependencies": "any",
    "baseImage": "string",
    "baseDockerfile": "string",
}
_DEFINITION: Final[Shape] = {
    name: _SECTION for each in ("python", "docker", "spark") for name in (each, each.title())
}
_BASE: Final = "/environment/v1.0{ws}/environments"
ROUTES: Final = (
    Route("GET", _BASE, list_environments),
    Route("GET", f"{_BASE}/", list_environments),
    Route("GET", f"{_BASE}/{{name}}", show_environment),
    Route("PUT", f"{_BASE}/{{name}}", register_environment, shape=_DEFINITION),
    Route("GET", f"{_BASE}/{{name}}/versions/{{version}}", show_environment),
    Route("PUT", f"{_BASE}/{{name}}/versions/{{version}}", register_environment, shape=_DEFINITION),
)
