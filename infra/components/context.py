"""The context in which a stack's resources are declared: the workspace, and names they refer to.

Shared by the builders of every kind; declares nothing itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.components.identity import managed_identity
from infra.components.user_identity import UserIdentity
from infra.components.workspace import Workspace
from infra.contract.json_types import JsonObject
from infra.spec.clusters import AmlComputeSpec
from infra.spec.computes import ComputeSpec
from infra.spec.credentials import Known, Reference, Sealed
from infra.spec.identity import IdentitySpec
from infra.spec.instances import ComputeInstanceSpec
from infra.spec.stack import StackSpec

Credential = Reference | Sealed | Known
ReadCredential = Callable[[Credential], pulumi.Input[str]]
CREDENTIALS_OUTPUT: Final = "credentials"
"""Secret output of the stack with the stack file's encrypted credentials, by target and field."""


@dataclass(frozen=True, kw_only=True)
class StackContext:
    """``name`` is the platform's. ``sealed`` collects encrypted credentials that runs need."""

    platform: pulumi.Resource
    name: str
    spec: StackSpec
    workspace: Workspace
    read: ReadCredential
    identities: Mapping[str, UserIdentity]
    subnets: Mapping[str, pulumi.Output[str]]
    sealed: dict[str, dict[str, pulumi.Input[str]]] = field(default_factory=dict)
    clusters: dict[str, pulumi.Output[str]] = field(default_factory=dict)
    """Ids of the Kubernetes clusters that the stack creates, by name."""

    @property
    def options(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self.platform)

    def named(self, name: str) -> str:
        """Return the logical name of the entry ``name`` of the stack file."""
        return f"{self.name}-{name}"

    def tags(self, own: Mapping[str, str]) -> dict[str, str] | None:
        """Return the stack's tags, overridden by an entry's own."""
        return {**self.spec.tags, **own} or None

    def compute(self, wanted: ComputeSpec) -> JsonObject:
        """Return the arguments common to computes of every kind."""
        return {
            "compute_name": wanted.name,
            "workspace_name": self.workspace.workspace_name,
            "resource_group_name": self.workspace.resource_group_name,
            "location": wanted.location or self.spec.location,
            "description": wanted.description,
            "tags": self.tags(wanted.tags),
        }

    def subnet_id(self, wanted: AmlComputeSpec | ComputeInstanceSpec) -> pulumi.Input[str] | None:
        """Return the id of a compute's subnet, declared or existing."""
        if wanted.subnet is not None:
            return self.subnets[wanted.subnet]
        return wanted.subnet_id

    def identity(self, wanted: IdentitySpec | None) -> ml.ManagedServiceIdentityArgs | None:
        """Return the identity argument of a compute."""
        return None if wanted is None else chosen_identity(wanted, self.identities)

    def secret(self, credential: Credential | None) -> pulumi.Input[str] | None:
        """Return the credential as a secret."""
        return None if credential is None else self.read(credential)

    def references(self, target: str, **credentials: Credential | None) -> dict[str, str]:
        """Return references to the credentials of a target, never their values.

        Credentials encrypted in the stack file go into the stack's secret output.
        """
        found = {}
        for key, credential in credentials.items():
            if isinstance(credential, Reference):
                found[key] = str(credential)
            elif credential is not None:
                self.sealed.setdefault(target, {})[key] = self.read(credential)
                found[key] = f"pulumi:{CREDENTIALS_OUTPUT}.{target}.{key}"
        return found


def chosen_identity(
    wanted: IdentitySpec, identities: Mapping[str, UserIdentity]
) -> ml.ManagedServiceIdentityArgs:
    """Return the argument for identities given by name and by id."""
    return managed_identity(wanted.type, identity_ids(wanted, identities))


def identity_ids(
    wanted: IdentitySpec, identities: Mapping[str, UserIdentity]
) -> list[pulumi.Input[str]]:
    """Return the ids of declared and existing identities, the declared ones first."""
    return [*(identities[name].identity_id for name in wanted.names), *wanted.ids]
