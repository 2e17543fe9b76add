"""Endpoints that clients call before they have a token: cloud metadata, OpenID, tokens."""

from typing import Final
from urllib.parse import parse_qsl

from infra.catalogue.api_versions import CLOUD_ALONE, CLOUDS_LISTED
from infra.contract.discovery import TENANT
from infra.contract.json_types import JsonObject
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.routes import Route
from localcloud.calls.tokens import LASTS_S, issue

STORAGE_SUFFIX: Final = "core.windows.net"
_LONGEST_FORM: Final = 64 * 1024  # bytes; nobody who asks for a token is known yet
_GRANTS: Final = {"client_credentials", "refresh_token", "password", "authorization_code"}


def _endpoints(call: Call) -> Reply:
    """Respond with this cloud; some older api-versions list clouds."""
    found = endpoints(call.origin)
    return answer([found] if CLOUDS_LISTED <= call.api_version < CLOUD_ALONE else found)


def endpoints(origin: str) -> JsonObject:
    """Return ARM's metadata document for a cloud at ``origin``."""
    return {
        "name": "AmlLocalCloud",
        "portal": origin,
        "resourceManager": f"{origin}/",
        "authentication": {
            "loginEndpoint": origin,
            "audiences": [f"{origin}/", "https://management.azure.com/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "graph": f"{origin}/graph/",
        "graphAudience": f"{origin}/graph/",
        "microsoftGraphResourceId": f"{origin}/graph/",
        "activeDirectoryDataLake": f"{origin}/datalake/",
        "batch": f"{origin}/batch/",
        "media": f"{origin}/media",
        "vmImageAliasDoc": f"{origin}/aliases.json",
        "sqlManagement": f"{origin}/sql/",
        "gallery": f"{origin}/gallery/",
        "suffixes": {
            "storage": STORAGE_SUFFIX,
            "storageSyncEndpointSuffix": "afs.azure.net",
            "keyVaultDns": "vault.azure.net",
            "acrLoginServer": "azurecr.io",
            "sqlServerHostname": "database.windows.net",
            "mhsmDns": "managedhsm.azure.net",
            "azureDataLakeStoreFileSystem": "azuredatalakestore.net",
            "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
        },
    }


def _openid(call: Call) -> Reply:
    tenant = call.params["tenant"]
    base = f"{call.origin}/{tenant}"
    return answer(
        {
            "issuer": f"{call.origin}/{TENANT}/v2.0",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_types_supported": ["code", "id_token", "token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["HS256"],
            "tenant_region_scope": None,
            "cloud_instance_name": call.origin.partition("//")[2],
        }
    )


def _instance(call: Call) -> Reply:
    host = call.origin.partition("//")[2]
    return answer(
        {
            "tenant_discovery_endpoint": (
                f"{call.origin}/{TENANT}/v2.0/.well-known/openid-configuration"
            ),
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }
    )


def _token(call: Call) -> Reply:
    """Issue a token to any client, for the audience it asks for."""
    form = dict(parse_qsl(b"".join(call.chunks(_LONGEST_FORM)).decode("utf-8", "replace")))
    grant = form.get("grant_type", "")
    if grant not in _GRANTS:
        problem = f"The grant type '{grant}' is not supported; use 'client_credentials'."
        return answer({"error": "unsupported_grant_type", "error_description": problem}, 400)
    # v2 clients send `scope`, v1 clients and adal `resource`.
    scope = (form.get("scope") or form.get("resource") or "").split() or [call.origin]
    audience = scope[0].removesuffix(".default").removesuffix("/") or call.origin
    token = issue(call.cloud, audience, form.get("client_id", "local"))
    return answer(
        {
            "token_type": "Bearer",
            "expires_in": LASTS_S,
            "ext_expires_in": LASTS_S,
            "access_token": token,
        }
    )


def _managed_identity(call: Call) -> Reply:
    """Issue a token as App Service and virtual machines do for a managed identity."""
    form = dict(parse_qsl(call.body.decode("utf-8", "replace")))  # azureml-core posts it
    asked = {**form, **call.query}
    resource = asked.get("resource") or call.origin
    token = issue(call.cloud, resource, asked.get("client_id") or "managed-identity")
    return answer(
        {
            "access_token": token,
            "expires_in": str(LASTS_S),
            "expires_on": str(int(call.now) + LASTS_S),
            "resource": resource,
            "token_type": "Bearer",
        }
    )


ROUTES: Final = (
    Route("GET", "/metadata/endpoints", _endpoints, open=True),
    Route("GET", "/metadata/identity/oauth2/token", _managed_identity, open=True),
    Route("GET POST", "/msi/token", _managed_identity, open=True),
    Route("GET", "/common/discovery/instance", _instance, open=True),
    Route("POST", "/{tenant}/oauth2/v2.0/token", _token, open=True),
    Route("POST", "/{tenant}/oauth2/token", _token, open=True),
    Route("GET", "/{tenant}/v2.0/.well-known/openid-configuration", _openid, open=True),
    Route("GET", "/{tenant}/.well-known/openid-configuration", _openid, open=True),
)
