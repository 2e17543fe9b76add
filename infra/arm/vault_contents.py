"""What Resource Manager has no request of its own for in a vault: access policies, deleted secrets.

An access policy is an entry of a list in its vault. To the provider it is a resource, whose id is
the one that Pulumi gives it; each request to it becomes one to the vault. A secret is created and
read through Resource Manager, and deleted by the vault itself.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from infra.arm.client import Client, checked
from infra.arm.credentials import azure_credential
from infra.arm.faults import fault
from infra.arm.messages import Request, Response
from infra.contract.errors import ProviderError
from infra.contract.json_types import Document, JsonObject

SECRETS_VERSION: Final = "7.4"
"""Of the vault's own API."""
_OF_VAULT: Final = re.compile(
    r"(?P<vault>/subscriptions/[^/]+/resourceGroups/(?P<group>[^/]+)/providers/Microsoft\.KeyVault"
    r"/vaults/(?P<name>[^/]+))/(?P<type>accessPolicy|secrets)/(?P<entry>[^/]+)",
    re.IGNORECASE,
)
_MISSING: Final = 404
_OK: Final = 200
_REFUSED: Final = frozenset({401, 403})


def special_answer(client: Client, request: Request) -> Response | None:
    """Send a request that Resource Manager does not know as it is; ``None`` for any other."""
    found = _OF_VAULT.fullmatch(request.url)
    if found is None:
        return None
    if found["type"].lower() == "secrets":
        return _deleted(client, request, found) if request.method == "DELETE" else None
    return _policy(client, request, found)


def _policy(client: Client, request: Request, found: re.Match[str]) -> Response:
    vault = client.send("GET", found["vault"], api_version=request.api_version)
    if not vault.ok:
        return vault
    before = _entry(vault.document, unquote(found["entry"]))
    if request.method == "PUT":
        body = request.body if isinstance(request.body, Mapping) else {}
        # "add" joins the permissions of both, "replace" drops the old ones.
        change, wanted = ("replace" if before else "add"), dict(body.get("policy") or {})
    elif before is None:
        return Response(_MISSING)
    elif request.method == "DELETE":
        change, wanted = "remove", before
    else:
        return Response(_OK, {}, _document(request.url, found, before))
    answer = client.send(
        "PUT",
        f"{found['vault']}/accessPolicies/{change}",
        api_version=request.api_version,
        body={"properties": {"accessPolicies": [wanted]}},
    )
    if not answer.ok:
        return answer
    return Response(_OK, {}, _document(request.url, found, wanted))


def _entry(vault: Document, principal: str) -> JsonObject | None:
    policies = (vault.get("properties") or {}).get("accessPolicies") or ()
    same = [p for p in policies if str(p.get("objectId")).lower() == principal.lower()]
    return dict(same[0]) if same else None


def _document(url: str, found: re.Match[str], policy: Document) -> JsonObject:
    place = {"resourceGroupName": unquote(found["group"]), "vaultName": unquote(found["name"])}
    return {"id": unquote(url), **place, "policy": dict(policy)}


def _deleted(client: Client, request: Request, found: re.Match[str]) -> Response:
    """Delete a secret at its vault: soft-deleted, it stays there as long as the vault says."""
    answer = client.send("GET", found["vault"], api_version=request.api_version)
    if answer.status == _MISSING:
        return answer
    vault = checked(answer, at=found["vault"]).document
    uri = str((vault.get("properties") or {}).get("vaultUri") or "").rstrip("/")
    url = f"{uri}/secrets/{found['entry']}"
    answer = _at_the_vault(client, url).send("DELETE", url, api_version=SECRETS_VERSION)
    if answer.status in _REFUSED:
        raise ProviderError(
            f"The vault does not let you delete this secret: {fault(answer, at=url).detail}",
            remedy="Ask for the permission to delete secrets of the vault, and delete it from a"
            " network that the vault lets in.",
            at=unquote(request.url),
            code="Forbidden",
        )
    return answer


def _at_the_vault(client: Client, url: str) -> Client:
    """Return a client whose tokens a vault accepts: the local cloud's accept all of its own."""
    if url.startswith(client.endpoint.url):
        return client
    domain = urlsplit(url).netloc.partition(".")[2]
    return Client(client.endpoint, azure_credential(scope=f"https://{domain}/.default"))
