"""Secrets of a workspace's key vault as azureml-core keeps them, at ``/credential/v2.0``.

They are sealed in the cloud's database, and shown only to who asks for one by name.
"""

import re
from typing import Final

from infra.catalogue.body_shapes import Shape
from infra.contract.json_types import Document, JsonObject
from localcloud.calls.lookups import existing, find
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import Route
from localcloud.store.resources import StoredResource

_TYPE: Final = "Microsoft.MachineLearningServices/workspaces/secrets"
_NAME: Final = re.compile(r"[0-9a-zA-Z-]{1,127}")  # key vault's rule


def set_secret(call: Call) -> Reply:
    _put(call, call.json())
    return answer({})


def set_secrets(call: Call) -> Reply:
    """Set several secrets; all names are checked first."""
    bodies = [each or {} for each in call.json().get("secrets") or ()]
    for body in bodies:
        _name(body)
    for body in bodies:
        _put(call, body)
    return answer({})


def show_secret(call: Call) -> Reply:
    return answer(_shown(_required(call, call.params["name"])))


def show_secrets(call: Call) -> Reply:
    """Respond with several secrets, and with the names of those that do not exist."""
    existing(call, call.workspace)
    names = [str((each or {}).get("name")) for each in call.json().get("secrets") or ()]
    found = {name: find(call, _id(call, name)) for name in names}
    return answer(
        {
            "secrets": [_shown(each) for each in found.values() if each is not None],
            "notFoundSecrets": [name for name, each in found.items() if each is None],
        }
    )


def list_secrets(call: Call) -> Reply:
    """Respond with the names of all secrets."""
    workspace = existing(call, call.workspace)
    found = call.cloud.store.resources.children(workspace.id, type=_TYPE, now=call.now)
    return answer({"value": [{"name": each.name} for each in found], "nextLink": None})


def delete_secret(call: Call) -> Reply:
    call.cloud.store.resources.remove([_required(call, call.params["name"]).id])
    return Reply(200)


def delete_secrets(call: Call) -> Reply:
    existing(call, call.workspace)
    names = [str((each or {}).get("name")) for each in call.json().get("secrets") or ()]
    call.cloud.store.resources.remove([_id(call, name) for name in names])
    return Reply(200)


def _put(call: Call, body: Document) -> None:
    workspace = existing(call, call.workspace)
    resource = StoredResource(
        id=_id(call, _name(body)),
        type=_TYPE,
        parent=workspace.id,
        document={"properties": {"contentType": body.get("contentType")}},
        created=call.now,
        modified=call.now,
        scope=workspace.scope,
        secrets={"value": str(body.get("value") or "")},
    )
    call.cloud.store.resources.put(resource)


def _name(body: Document) -> str:
    name = str(body.get("name") or "")
    if not _NAME.fullmatch(name):
        raise RefusedError(
            400, "UserError", f"'{name}' is not a secret's name: use letters, digits and '-'."
        )
    return name


def _required(call: Call, name: str) -> StoredResource:
    existing(call, call.workspace)
    found = find(call, _id(call, name))
    if found is None:
        raise RefusedError(404, "UserError", f"There is no secret '{name}'.")
    return found


def _shown(secret: StoredResource) -> JsonObject:
    kind = secret.properties.get("contentType")
    return {"name": secret.name, "value": secret.secrets["value"], "contentType": kind}


def _id(call: Call, name: str) -> str:
    return f"{call.workspace}/secrets/{name}"


_SECRET: Final[Shape] = {"name": "string", "value": "string", "contentType": "string"}
_SEVERAL: Final[Shape] = {"secrets": [_SECRET]}
_BASE: Final = "/credential/v2.0{ws}/secrets"
ROUTES: Final = (
    Route("PUT", _BASE, set_secret, shape=_SECRET),
    Route("GET", _BASE, list_secrets),
    Route("PUT POST", f"{_BASE}:putbatch", set_secrets, shape=_SEVERAL),
    Route("POST", f"{_BASE}:getbatch", show_secrets, shape=_SEVERAL),
    Route("POST DELETE", f"{_BASE}:deletebatch", delete_secrets, shape=_SEVERAL),
    Route("GET", f"{_BASE}/{{name}}", show_secret),
    Route("DELETE", f"{_BASE}/{{name}}", delete_secret),
)
