"""The bodies with which datastores are registered. Pure.

They follow Azure ML's REST API; secrets are in the body only.
"""

import re
from typing import Dict, Optional

from .errors import UserErrorException

Properties = Dict[str, object]
_NAME = re.compile("[A-Za-z0-9_]{1,255}")
_AUTHORITY = "https://login.microsoftonline.com"
_RESOURCE = "https://storage.azure.com/"


def check_name(name: str) -> None:
    """Raise ``UserErrorException`` for a name that a datastore cannot have."""
    if not _NAME.fullmatch(name):
        raise UserErrorException(f"{name!r} is not a datastore name: use letters, digits and '_'.")


def blob_store(
    account: str,
    container: str,
    key: Optional[str],
    sas: Optional[str],
    protocol: Optional[str],
    endpoint: Optional[str],
) -> Properties:
    """Return the properties of a blob container."""
    return {
        "datastoreType": "AzureBlob",
        "accountName": account,
        "containerName": container,
        "credentials": _storage_credentials(key, sas),
        **_address(protocol, endpoint),
    }


def file_share(
    account: str,
    share: str,
    key: Optional[str],
    sas: Optional[str],
    protocol: Optional[str],
    endpoint: Optional[str],
) -> Properties:
    """Return the properties of a file share."""
    return {
        "datastoreType": "AzureFile",
        "accountName": account,
        "fileShareName": share,
        "credentials": _storage_credentials(key, sas),
        **_address(protocol, endpoint),
    }


def lake(store: str, credentials: Properties) -> Properties:
    """Return the properties of a Data Lake Gen1 store."""
    return {"datastoreType": "AzureDataLakeGen1", "storeName": store, "credentials": credentials}


def lake_gen2(
    account: str,
    filesystem: str,
    credentials: Properties,
    protocol: Optional[str],
    endpoint: Optional[str],
) -> Properties:
    """Return the properties of a Data Lake Gen2 file system."""
    return {
        "datastoreType": "AzureDataLakeGen2",
        "accountName": account,
        "filesystem": filesystem,
        "credentials": credentials,
        **_address(protocol, endpoint),
    }


def service_principal(
    tenant: Optional[str],
    client: Optional[str],
    secret: Optional[str],
    authority: Optional[str],
    resource: Optional[str],
) -> Properties:
    """Return the credentials of a service principal; of nobody if nothing is given."""
    given = {"tenant_id": tenant, "client_id": client, "client_secret": secret}
    missing = sorted(name for name, value in given.items() if not value)
    if len(missing) == len(given):
        return {"credentialsType": "None"}
    if missing:
        raise UserErrorException(
            "A service principal needs tenant_id, client_id and client_secret; missing: {}.".format(
                ", ".join(missing)
            )
        )
    return {
        "credentialsType": "ServicePrincipal",
        "tenantId": tenant,
        "clientId": client,
        "authorityUrl": authority or _AUTHORITY,
        "resourceUrl": resource or _RESOURCE,
        "secrets": {"secretsType": "ServicePrincipal", "clientSecret": secret},
    }


def _address(protocol: Optional[str], endpoint: Optional[str]) -> Properties:
    """Return what is given; the service fills in the suffix of its cloud."""
    given = {"protocol": protocol, "endpoint": endpoint}
    return {name: value for name, value in given.items() if value}


def _storage_credentials(key: Optional[str], sas: Optional[str]) -> Properties:
    if key and sas:
        raise UserErrorException("Give account_key or sas_token, not both.")
    if key:
        secrets = {"secretsType": "AccountKey", "key": key}
        return {"credentialsType": "AccountKey", "secrets": secrets}
    if sas:
        secrets = {"secretsType": "Sas", "sasToken": sas.lstrip("?")}
        return {"credentialsType": "Sas", "secrets": secrets}
    return {"credentialsType": "None"}
