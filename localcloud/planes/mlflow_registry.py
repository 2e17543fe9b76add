"""MLflow's model registry: what a registered model is, how it is stored and shown.

A registered model is a model of the workspace with its versions, as on Azure; aliases, source and
run are kept beside Azure ML's properties. There are no stages (MLflow deprecates them for aliases)
and no prompts.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.artifacts import DATASTORE
from localcloud.calls.assets import REGISTRY
from localcloud.calls.lookups import existing, find
from localcloud.calls.messages import Call
from localcloud.planes.mlflow_documents import milliseconds, pairs
from localcloud.planes.mlflow_errors import MlflowRefusedError, absent, count, needed
from localcloud.store.resources import StoredResource
from runtime.agent.searching import Comparable, SearchClause, parse_filter, sort_documents

MODELS: Final = "Microsoft.MachineLearningServices/workspaces/models"
VERSIONS: Final = f"{MODELS}/versions"
_IS_PROMPT: Final = "mlflow.prompt.is_prompt"
_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered model or one of its versions, over its stored resource."""

    resource: StoredResource

    @property
    def name(self) -> str:
        return self.resource.name

    @property
    def kept(self) -> JsonObject:
        """What MLflow's registry keeps; empty for a model that came from another client."""
        return dict(self.resource.document.get(REGISTRY) or {})

    @property
    def tags(self) -> dict[str, str]:
        return dict(self.resource.properties.get("tags") or {})

    @property
    def aliases(self) -> dict[str, str]:
        """Version by alias, of a model."""
        return dict(self.kept.get("aliases") or {})

    def changed(
        self, now: float, *, kept: Document | None = None, **properties: object
    ) -> StoredResource:
        """Return the resource with other properties, and more of what the registry keeps."""
        document = {
            **self.resource.document,
            "properties": {**self.resource.properties, **properties},
            REGISTRY: {**self.kept, **(kept or {})},
        }
        return replace(self.resource, document=document, modified=now)


def unsupported(what: str, instead: str) -> MlflowRefusedError:
    """Return MLflow's refusal of a feature that a server does not have."""
    return MlflowRefusedError(501, "NOT_IMPLEMENTED", f"The local cloud has no {what}. {instead}")


def refuse_prompts(tags: Iterable[str]) -> None:
    """Refuse what would make a model a prompt; MLflow stores prompts as models with a tag."""
    if _IS_PROMPT in tags:
        raise unsupported("prompts", "Keep prompt templates as artifacts or in your code.")


def required_model(call: Call, body: Document) -> Registered:
    """Return the model a request names; MLflow's 404 if there is none."""
    name = str(needed(body, "name"))
    found = find(call, model_id(call, name))
    if found is None:
        raise absent(f"Registered Model with name={name} not found")
    return Registered(found)


def required_version(call: Call, body: Document) -> Registered:
    """Return the model version a request names; MLflow's 404 if there is none."""
    name, version = str(needed(body, "name")), str(needed(body, "version"))
    found = find(call, f"{model_id(call, name)}/versions/{version}")
    if found is None:
        raise absent(f"Model Version (name={name}, version={version}) not found")
    return Registered(found)


def model_id(call: Call, name: str) -> str:
    if "/" in name:
        raise absent(f"Registered Model with name={name} not found")
    return f"{call.workspace}/models/{name}"


def models(call: Call) -> list[Registered]:
    """Return the workspace's models that are not archived."""
    workspace = existing(call, call.workspace)
    found = call.cloud.store.resources.children(workspace.id, type=MODELS, now=call.now)
    return [Registered(each) for each in found if not each.properties.get("isArchived")]


def versions_of(call: Call, model: Registered) -> list[Registered]:
    """Return a model's versions, oldest first."""
    found = call.cloud.store.resources.children(model.resource.id, type=VERSIONS, now=call.now)
    return [Registered(each) for each in found]


def model_document(call: Call, model: Registered) -> JsonObject:
    versions = versions_of(call, model)
    latest = [version_document(model, versions[-1])] if versions else []
    aliases = [{"alias": alias, "version": version} for alias, version in model.aliases.items()]
    return {**_common(model), "name": model.name, "latest_versions": latest, "aliases": aliases}


def version_document(model: Registered, version: Registered) -> JsonObject:
    properties, kept = version.resource.properties, version.kept
    return {
        **_common(version),
        "name": model.name,
        "version": version.name,
        "current_stage": "None",
        "source": kept.get("source") or str(properties.get("modelUri") or ""),
        "run_id": kept.get("run_id") or str(properties.get("jobName") or ""),
        "run_link": kept.get("run_link") or "",
        "model_id": kept.get("model_id") or "",
        "status": "READY",
        "status_message": "",
        "aliases": [alias for alias, named in model.aliases.items() if named == version.name],
    }


def _common(found: Registered) -> JsonObject:
    resource = found.resource
    return {
        "creation_timestamp": milliseconds(resource.created),
        "last_updated_timestamp": milliseconds(resource.modified),
        "user_id": "",
        "description": str(resource.properties.get("description") or ""),
        "tags": pairs(found.tags),
    }


def artifact_place(uri: str) -> str:
    """Return the URI from which MLflow's clients download what Azure ML knows as ``uri``."""
    _, found, path = uri.partition(f"/datastores/{DATASTORE}/paths/")
    return f"mlflow-artifacts:/{path}" if found else uri


def azure_place(call: Call, uri: str) -> str:
    """Return the URI by which Azure ML's clients know an artifact of MLflow's."""
    path = uri.removeprefix("mlflow-artifacts:").lstrip("/")
    if path == uri:
        return uri
    return f"azureml:/{call.workspace}/datastores/{DATASTORE}/paths/{path}"


def search(
    body: Document,
    found: list[JsonObject],
    keys: Mapping[str, str],
    *,
    default_order: str,
) -> tuple[list[JsonObject], JsonObject]:
    """Return the page of ``found`` that a search asks for, and the token of the next page.

    ``keys`` are the attributes that can be searched, with the document's name for each.
    """
    clauses = parse_filter(str(body.get("filter") or ""), keys)
    clauses = tuple(each for each in clauses if not _is_about_prompts(each))
    order = body.get("order_by") or ()
    order = [order] if isinstance(order, str) else list(order)
    look = partial(_look_up, keys)
    chosen = [each for each in found if all(c.holds(partial(look, each)) for c in clauses)]
    chosen = sort_documents(chosen, [*order, default_order], look, keys)
    start, limit = count(body, "page_token"), count(body, "max_results", _MAX)
    more = {"next_page_token": str(start + limit)} if start + limit < len(chosen) else {}
    return chosen[start : start + limit], more


def _is_about_prompts(clause: SearchClause) -> bool:
    """Return whether a clause says that no prompts are wanted, as clients add to every search."""
    if clause.key != _IS_PROMPT:
        return False
    if (clause.operator, clause.value) in {("=", "true"), ("!=", "false")}:
        raise unsupported("prompts", "Search for models instead.")
    return True


def _look_up(keys: Mapping[str, str], document: JsonObject, entity: str, key: str) -> Comparable:
    if entity == "tag":
        return next((tag["value"] for tag in document["tags"] if tag["key"] == key), None)
    if entity != "attribute":
        raise MlflowRefusedError(
            400,
            "INVALID_PARAMETER_VALUE",
            f"Models of the registry have no {entity}s: search for attributes and tags.",
        )
    value = document[keys[key]]
    if key == "version_number":
        return int(value) if str(value).isdecimal() else None
    return None if value is None else value if isinstance(value, int) else str(value)


def with_version_tag(model: JsonObject, name: str, version: str) -> None:
    """Note a new version in the tag that MLflow keeps on the logged model it was made of."""
    tags = {tag["key"]: tag["value"] for tag in model["info"]["tags"]}
    try:
        known = json.loads(tags.get("mlflow.modelVersions", "[]"))
    except ValueError:
        known = []  # a client's own text
    versions = [*(known if isinstance(known, list) else ()), {"name": name, "version": version}]
    tags["mlflow.modelVersions"] = json.dumps(versions)
    model["info"]["tags"] = pairs(tags)
