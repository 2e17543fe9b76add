"""azureml-core's authentication classes: which identity speaks to Azure.

Nothing is asked, opened or sent before a token is needed, and the local cloud needs no login.
Tokens come from azure-identity; secrets stay in memory.
"""

import os
from collections.abc import Callable
from typing import Final, Protocol

from infra.contract.discovery import ensure_cloud
from infra.contract.load import load
from infra.contract.project import home_folder
from runtime.api.exceptions import AuthenticationException, azureml_errors
from runtime.api.workspaces.config import uses_local_cloud

__all__ = [
    "AbstractAuthentication",
    "ArmTokenAuthentication",
    "AzureCliAuthentication",
    "AzureMLTokenAuthentication",
    "InteractiveLoginAuthentication",
    "MsiAuthentication",
    "ServicePrincipalAuthentication",
    "TokenAuthentication",
]
ARM_SCOPE: Final = "https://management.azure.com/.default"
Token = Callable[[str], str]
"""Returns a bearer token for a scope."""


class AbstractAuthentication:
    """An identity on Azure; a stack on the local cloud needs none."""

    def __init__(self, cloud: str | None = None) -> None:
        self.cloud = cloud

    def get_authentication_header(self) -> dict[str, str]:
        """Return the ``Authorization`` header of a request."""
        return {"Authorization": f"Bearer {self.token_for(ARM_SCOPE)}"}

    def get_token(self, *scopes: str, **_: object) -> object:
        """Return an access token with ``token`` and ``expires_on``, as azure-identity does."""
        return load("azure.core.credentials:AccessToken", extra="azureml")(
            self.token_for(*(scopes or (ARM_SCOPE,))), 0
        )

    def use(self) -> None:
        """Make it the identity of this process on Azure: `az login`'s is, unless told otherwise."""

    def token_for(self, scope: str) -> str:
        """Return a bearer token for ``scope``."""
        home = home_folder()
        with azureml_errors():
            if uses_local_cloud(home):
                credential = load("infra.arm.credentials:local_credential", extra="azureml")
                return str(credential(ensure_cloud(home)).token())
            return self._azure_token(scope)

    def _azure_token(self, scope: str) -> str:
        credential = load("infra.arm.credentials:azure_credential", extra="azureml")
        return str(credential(self.tenant_id, scope).token())

    @property
    def tenant_id(self) -> str | None:
        """The Entra tenant, ``None`` for the identity's own."""
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class InteractiveLoginAuthentication(AbstractAuthentication):
    """The identity of ``az login``; no browser is opened. ``force`` changes nothing here."""

    def __init__(
        self, force: bool = False, tenant_id: str | None = None, cloud: str | None = None
    ) -> None:
        super().__init__(cloud)
        self.force = force
        self._tenant_id = tenant_id

    @property
    def tenant_id(self) -> str | None:
        return self._tenant_id


class AzureCliAuthentication(AbstractAuthentication):
    """The identity of ``az login``."""


class MsiAuthentication(AbstractAuthentication):
    """The managed identity of this machine."""

    def __init__(self, cloud: str | None = None, identity_config: object = None) -> None:
        super().__init__(cloud)
        self.identity_config = identity_config

    def _azure_token(self, scope: str) -> str:
        chosen = self.identity_config if isinstance(self.identity_config, dict) else {}
        credential = load("azure.identity:ManagedIdentityCredential", extra="azureml")(**chosen)
        return _issued(credential, scope)


class ServicePrincipalAuthentication(AbstractAuthentication):
    """A service principal by its id and secret, which stays in memory."""

    def __init__(
        self,
        tenant_id: str,
        service_principal_id: str,
        service_principal_password: str,
        cloud: str | None = "AzureCloud",
        _enable_caching: bool = True,
    ) -> None:
        super().__init__(cloud)
        self._tenant_id = tenant_id
        self.service_principal_id = service_principal_id
        self._password = service_principal_password

    @property
    def tenant_id(self) -> str | None:
        return self._tenant_id

    def _azure_token(self, scope: str) -> str:
        credential = load("azure.identity:ClientSecretCredential", extra="azureml")(
            self._tenant_id, self.service_principal_id, self._password
        )
        return _issued(credential, scope)

    def use(self) -> None:
        """Put it where azure-identity looks first: in variables of this process.

        Runs on ``local`` do not inherit them.
        """
        os.environ["AZURE_TENANT_ID"] = self._tenant_id
        os.environ["AZURE_CLIENT_ID"] = self.service_principal_id
        os.environ["AZURE_CLIENT_SECRET"] = self._password

    def __repr__(self) -> str:
        return f"ServicePrincipalAuthentication(service_principal_id={self.service_principal_id!r})"


class ArmTokenAuthentication(AbstractAuthentication):
    """A token for Azure Resource Manager that somebody else obtained."""

    def __init__(self, arm_access_token: str, cloud: str | None = None) -> None:
        super().__init__(cloud)
        self._token = arm_access_token

    def use(self) -> None:
        _not_used(self)

    def update_arm_access_token(self, new_arm_access_token: str) -> None:
        """Use a newer token from now on."""
        self._token = new_arm_access_token

    def _azure_token(self, scope: str) -> str:
        _ = scope
        return self._token


class TokenAuthentication(AbstractAuthentication):
    """Tokens from a function of the caller's."""

    def __init__(self, get_token_for_audience: Token, cloud: str | None = None) -> None:
        super().__init__(cloud)
        self._get = get_token_for_audience

    def use(self) -> None:
        _not_used(self)

    def _azure_token(self, scope: str) -> str:
        return self._get(scope.removesuffix("/.default"))


class AzureMLTokenAuthentication(AbstractAuthentication):
    """The token of a run, which Azure ML gives to its jobs."""

    def __init__(
        self, azureml_access_token: str, expiry_time: object = None, **details: object
    ) -> None:
        cloud = details.pop("cloud", None)
        super().__init__(None if cloud is None else str(cloud))
        self.token = azureml_access_token
        self.expiry_time = expiry_time
        self.details = details

    @classmethod
    def create(
        cls, azureml_access_token: str, expiry_time: object, **details: object
    ) -> "AzureMLTokenAuthentication":
        """Return the authentication of a run's token."""
        return cls(azureml_access_token, expiry_time, **details)

    def _azure_token(self, scope: str) -> str:
        _ = scope
        return self.token


def _not_used(authentication: AbstractAuthentication) -> None:
    raise AuthenticationException(
        f"{type(authentication).__name__} gives tokens to a script of yours; a workspace on Azure"
        " takes no token from outside.",
        remedy="Use ServicePrincipalAuthentication, MsiAuthentication or `az login`.",
    )


class IssuedToken(Protocol):
    """A token as azure-identity returns it."""

    token: str


class AzureCredential(Protocol):
    """A credential of azure-identity."""

    def get_token(self, scope: str) -> IssuedToken:
        """Return a token for ``scope``."""


def _issued(credential: AzureCredential, scope: str) -> str:
    """Return a token that a credential of azure-identity issued."""
    refused = load("azure.core.exceptions:ClientAuthenticationError", extra="azureml")
    try:
        return credential.get_token(scope).token
    except refused as error:
        raise AuthenticationException(
            f"Azure issued no token. {str(error).partition(chr(10))[0]}",
            error,
            remedy="Check tenant, id and secret, or run `az login`.",
        ) from error
