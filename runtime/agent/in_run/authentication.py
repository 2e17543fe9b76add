"""The authentication classes: accepted and not used, for a run needs no login."""

import typing

from .late import refused

_AS_IT_IS = "A run reaches its workspace without a token; leave this out."


class AbstractAuthentication:
    """What a script passes as ``auth``. What it was made with is forgotten at once."""

    def get_authentication_header(self) -> typing.Dict[str, str]:
        raise refused("get_authentication_header", _AS_IT_IS)

    def get_token(self, *_: object, **__: object) -> object:
        raise refused("get_token", _AS_IT_IS)


class ServicePrincipalAuthentication(AbstractAuthentication):
    def __init__(
        self,
        tenant_id: str,
        service_principal_id: str,
        service_principal_password: str,
        cloud: str = "AzureCloud",
        _enable_caching: bool = True,
    ) -> None:
        """Accept what azureml-core accepts."""


class InteractiveLoginAuthentication(AbstractAuthentication):
    def __init__(
        self,
        force: bool = False,
        tenant_id: typing.Optional[str] = None,
        cloud: typing.Optional[str] = None,
    ) -> None:
        """Accept what azureml-core accepts."""


class AzureCliAuthentication(AbstractAuthentication):
    def __init__(self, cloud: typing.Optional[str] = None) -> None:
        """Accept what azureml-core accepts."""


class MsiAuthentication(AbstractAuthentication):
    def __init__(self, identity_config: object = None, cloud: typing.Optional[str] = None) -> None:
        """Accept what azureml-core accepts."""


class TokenAuthentication(AbstractAuthentication):
    def __init__(self, get_token_for_audience: object, cloud: typing.Optional[str] = None) -> None:
        """Accept what azureml-core accepts."""
