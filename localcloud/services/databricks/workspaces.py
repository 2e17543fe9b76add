"""Databricks workspaces as ARM resources, their tokens, and what clients ask a host first."""

import secrets
from dataclasses import replace
from typing import Final

from infra.contract.json_types import JsonObject
from localcloud.behaviours.minting import with_properties
from localcloud.behaviours.rows import kind_of
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.routes import Route
from localcloud.services.databricks import (
    cluster_ends,
    clusters,
    files_planes,
    runs,
    workspace_files,
)
from localcloud.services.databricks.engine import DatabricksEngine
from localcloud.services.databricks.refusals import absent, unsupported
from localcloud.services.databricks.service import (
    USER,
    WORKSPACES,
    Site,
    SiteCall,
    new_token,
    routes,
    site_of,
)
from localcloud.store.resources import StoredResource
from runtime.agent.files import make_folder


def _fill(_: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    if old is not None:
        return wanted
    return with_properties(wanted, {"workspaceId": str(secrets.randbelow(9 * 10**15) + 10**15)})


def _show(call: Call, resource: StoredResource, body: JsonObject) -> JsonObject:
    """Add the address on reading, because the cloud's port may change."""
    number = resource.properties.get("workspaceId")
    address = f"{call.cloud.authority}/databricks/adb-{number}"
    return {**body, "properties": {**body["properties"], "workspaceUrl": address}}


def _stored(call: Call, resource: StoredResource, old: StoredResource | None) -> None:
    if old is None:
        site = Site(call.cloud, str(resource.properties["workspaceId"]))
        for path in ("/Shared", f"/Users/{USER}"):
            make_folder(site.storage.workspace(path))
        make_folder(site.storage.dbfs("/FileStore"))


def _removed(call: Call, resource: StoredResource) -> None:
    site = Site(call.cloud, str(resource.properties.get("workspaceId")))
    call.cloud.engine(DatabricksEngine).forget(site)


def _discover(call: Call) -> Reply | None:
    """Respond to what the SDK asks before anything else."""
    found = site_of(call.cloud, call.params["site"])
    if found is None:
        return None
    site = found[0]
    return answer({"oidc_endpoint": f"{site.url}/oidc", "workspace_id": site.id, "cloud": "Azure"})


def _create_token(on: SiteCall) -> Reply:
    lasts = on.body.get("lifetime_seconds")
    token, info = new_token(
        on.site, str(on.body.get("comment") or ""), None if lasts is None else float(lasts)
    )
    return answer({"token_value": token, "token_info": info})


def _list_tokens(on: SiteCall) -> Reply:
    return answer({"token_infos": on.site.all("token")})


def _delete_token(on: SiteCall) -> Reply:
    wanted = on.needed("token_id")
    rows = on.site.documents.ids(on.site.space, "token")
    for name in rows:
        known = on.site.get("token", name)
        if known is not None and known["token_id"] == wanted:
            on.site.remove("token", name)
            return answer({})
    raise absent(f"Token {wanted}")


def _me(_: SiteCall) -> Reply:
    return answer({"id": "1", "userName": USER, "active": True, "displayName": "Local user"})


def _refuse(on: SiteCall) -> Reply:
    raise unsupported(
        f"{on.call.method} {on.call.path.partition('/api/')[2]}",
        "docs/local-cloud.md lists what it does support.",
    )


KINDS: Final = (
    replace(kind_of(WORKSPACES), fill=_fill, show=_show, stored=_stored, removed=_removed),
)
ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", "/databricks/{site}/.well-known/databricks-config", _discover, open=True),
    *runs.ROUTES,
    *runs.PAGES,
    *clusters.ROUTES,
    *cluster_ends.ROUTES,
    *files_planes.ROUTES,
    *workspace_files.ROUTES,
    *routes(
        (
            ("POST", "/token/create", _create_token),
            ("GET", "/token/list", _list_tokens),
            ("POST", "/token/delete", _delete_token),
            ("GET", "/preview/scim/v2/Me", _me),
            ("*", "/{rest:path}", _refuse),
        )
    ),
)
