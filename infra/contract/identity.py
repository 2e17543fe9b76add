"""Makes the credential of azure-identity that a process uses, by its kind.

Each kind is made of the variables that its own tools set. Without one, azure-identity tries all
that it knows. Nothing is sent before a token is needed.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import httpx

from infra.contract.credential_kinds import REMEDIES, kind_of, remedy_for
from infra.contract.errors import CredentialError
from infra.contract.load import load

_AUDIENCE: Final = "api://AzureADTokenExchange"
_TIMEOUT_S: Final = 30.0
_TENANT: Final = "AZURE_TENANT_ID"
_CLIENT: Final = "AZURE_CLIENT_ID"
_FILE: Final = "AZURE_FEDERATED_TOKEN_FILE"
_GITHUB: Final = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
_DEVOPS_ACCESS: Final = "SYSTEM_ACCESSTOKEN"
_DEVOPS_TENANT: Final = "AZURESUBSCRIPTION_TENANT_ID"
_DEVOPS_CLIENT: Final = "AZURESUBSCRIPTION_CLIENT_ID"
_DEVOPS_CONNECTION: Final = "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"

Environment = Mapping[str, str]
Tenants = Mapping[str, Any]


def azure_identity(environ: Environment, *, other_tenants: bool = False) -> Any:
    """Return the credential of azure-identity that the variables choose.

    ``other_tenants``: it is used in other tenants than its own, which azure-identity refuses
    otherwise. Raises ``CredentialError`` with all variables that its kind lacks.
    """
    # What azure-identity logs about every source it tried is noise on a command line.
    logging.getLogger("azure.identity").setLevel(logging.ERROR)
    tenants = {"additionally_allowed_tenants": ["*"]} if other_tenants else {}
    kind = kind_of(environ)
    if kind is None:
        return _class("DefaultAzureCredential")(**tenants)
    missing = [name for name in _NEEDS.get(kind, _nothing)(environ) if not environ.get(name)]
    if missing:
        raise CredentialError(
            f"The credential {kind!r} lacks {', '.join(missing)}.",
            remedy=remedy_for(environ),
        )
    return _MAKERS[kind](environ, tenants)


def github_token(environ: Environment) -> str:
    """Return the token that GitHub issues to a job, for Entra ID to exchange."""
    url, secret = (environ[name] for name in _GITHUB)
    asked = httpx.URL(url).copy_merge_params({"audience": _AUDIENCE})
    try:
        answer = httpx.get(asked, headers={"Authorization": f"Bearer {secret}"}, timeout=_TIMEOUT_S)
        return str(answer.raise_for_status().json()["value"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise CredentialError(
            f"GitHub issued no token for this job ({type(error).__name__}).",
            remedy=REMEDIES["workload_identity"],
        ) from None


def _class(name: str) -> Any:
    return load(f"azure.identity:{name}", extra="azureml")


def _nothing(_: Environment) -> Sequence[str]:
    return ()


def _of_workload(environ: Environment) -> Sequence[str]:
    return (_TENANT, _CLIENT, *(() if environ.get(_FILE) else _GITHUB))


def _of_principal(environ: Environment) -> Sequence[str]:
    secret = () if environ.get("AZURE_CLIENT_CERTIFICATE_PATH") else ("AZURE_CLIENT_SECRET",)
    return (_TENANT, _CLIENT, *secret)


def _workload(environ: Environment, tenants: Tenants) -> Any:
    """Exchange the federated token of a file, or the one that GitHub issues to the job."""
    tenant, client = environ[_TENANT], environ[_CLIENT]
    if environ.get(_FILE):
        return _class("WorkloadIdentityCredential")(
            tenant_id=tenant, client_id=client, token_file_path=environ[_FILE], **tenants
        )
    return _class("ClientAssertionCredential")(
        tenant, client, lambda: github_token(environ), **tenants
    )


def _pipelines(environ: Environment, tenants: Tenants) -> Any:
    return _class("AzurePipelinesCredential")(
        tenant_id=environ[_DEVOPS_TENANT],
        client_id=environ[_DEVOPS_CLIENT],
        service_connection_id=environ[_DEVOPS_CONNECTION],
        system_access_token=environ[_DEVOPS_ACCESS],
        **tenants,
    )


def _managed(environ: Environment, _: Tenants) -> Any:
    return _class("ManagedIdentityCredential")(client_id=environ.get(_CLIENT) or None)


def _browser(environ: Environment, tenants: Tenants) -> Any:
    chosen = {"tenant_id": environ[_TENANT]} if environ.get(_TENANT) else {}
    return _class("InteractiveBrowserCredential")(**chosen, **tenants)


_NEEDS: Final[Mapping[str, Callable[[Environment], Sequence[str]]]] = {
    "workload_identity": _of_workload,
    "service_principal": _of_principal,
    "pipelines": lambda _: (
        _DEVOPS_TENANT, _DEVOPS_CLIENT, _DEVOPS_CONNECTION, _DEVOPS_ACCESS, "SYSTEM_OIDCREQUESTURI",
    ),
}  # fmt: skip
_MAKERS: Final[Mapping[str, Callable[[Environment, Tenants], Any]]] = {
    "cli": lambda _, tenants: _class("AzureCliCredential")(**tenants),
    "managed_identity": _managed,
    "workload_identity": _workload,
    "service_principal": lambda _, tenants: _class("EnvironmentCredential")(**tenants),
    "pipelines": _pipelines,
    "browser": _browser,
}
