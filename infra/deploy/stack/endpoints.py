"""The cloud a stack goes to; `aml:cloud` alone decides. Starts the local one if it is down."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from infra.arm.client import AZURE, Endpoint, local_endpoint
from infra.arm.credentials import TokenCredential, azure_credential, claims, local_credential
from infra.contract.command_line import stack_command
from infra.contract.discovery import SUBSCRIPTION, TENANT, ensure_cloud
from infra.contract.errors import SpecError
from infra.contract.json_types import Document
from infra.deploy.stack.identity import identity_of


@dataclass(frozen=True, slots=True)
class Destination:
    """One cloud and how to reach it. ``config`` is what the provider is configured with.

    ``cloud_id`` is empty for Azure; for the local cloud it changes with `aml cloud reset`.
    """

    kind: Literal["local", "azure"]
    endpoint: Endpoint
    credential: TokenCredential
    config: Document
    cloud_id: str = ""

    @property
    def subscription(self) -> str:
        return str(self.config["subscriptionId"])

    @property
    def identity(self) -> str:
        """The identity that deploys, from the token's claims; requests a token if there is none."""
        return identity_of(claims(self.credential.token()))


def destination(
    kind: Literal["local", "azure"], config: Document, *, home: Path, file: Path
) -> Destination:
    """Return the cloud ``kind`` names; ``config`` is the stack's ``azure-native:`` namespace.

    Raises ``SpecError`` where Azure lacks a subscription, ``CredentialError`` where it gives no
    token, ``UnreachableError`` where the local cloud does not come up.
    """
    return _local(config, home) if kind == "local" else _azure(config, file)


def _local(config: Document, home: Path) -> Destination:
    cloud = ensure_cloud(home)
    own = {"subscriptionId": SUBSCRIPTION, "tenantId": TENANT, "cloudId": cloud.id}
    return Destination(
        "local",
        local_endpoint(cloud),
        local_credential(cloud),
        {**config, **own},
        cloud.id,
    )


def _azure(config: Document, file: Path) -> Destination:
    if not config.get("subscriptionId"):
        stack = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
        raise SpecError(
            "A stack on Azure needs `azure-native:subscriptionId`, which this one does not set.",
            remedy=f"Set it: {stack_command('config set azure-native:subscriptionId ID', stack)}.",
            at=str(file),
        )
    credential = azure_credential()
    credential.token()  # fails now, not after a long plan
    return Destination("azure", AZURE, credential, dict(config))
