"""A connection of a workspace to another service, with credentials."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.components.inputs import child_options, secret_input, without_nothing
from infra.contract.json_types import JsonObject


@dataclass(frozen=True, kw_only=True)
class ConnectionArgs:
    """Arguments of a connection. "Replace": a new value removes it and makes another."""

    connection_name: pulumi.Input[str]
    """3-33 letters, digits, hyphens or underscores. Replace."""
    workspace_name: pulumi.Input[str]
    """The workspace. Replace."""
    resource_group_name: pulumi.Input[str]
    """The workspace's resource group. Replace."""
    category: pulumi.Input[str]
    """The service's own word, such as ``Git`` or ``AzureOpenAI``. Replace."""
    target: pulumi.Input[str] | None = None
    """URL of the service. Default none. In place."""
    credentials: "ConnectionCredentials | None" = None
    """From ``connection_credentials``. Default none: anonymous. In place."""
    metadata: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Values that are no secrets. Default none. In place."""
    shared: bool = True
    """Whether everybody in the workspace may use it. Default true. In place."""


@dataclass(frozen=True, kw_only=True)
class ConnectionCredentials:
    """How a connection signs in: ``auth_type`` as the service names it, and its parts."""

    auth_type: str
    """``PAT``, ``UsernamePassword``, ``ApiKey``, ``CustomKeys``, … In place."""
    parts: JsonObject = field(default_factory=dict, repr=False)
    """The service's own keys; secrets among them are outputs marked secret. In place."""


class Connection(pulumi.ComponentResource):
    """A connection. Its credentials are encrypted in state, and in no output."""

    connection_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: ConnectionArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aml:platform:Connection", name, None, opts)
        signs_in = args.credentials or ConnectionCredentials(auth_type="None")
        made = ml.WorkspaceConnection(
            name,
            connection_name=args.connection_name,
            workspace_name=args.workspace_name,
            resource_group_name=args.resource_group_name,
            properties=without_nothing(
                authType=signs_in.auth_type,
                category=args.category,
                target=args.target,
                # The service shares a connection unless it is told not to.
                isSharedToAll=None if args.shared else False,
                metadata=dict(args.metadata) or None,
                credentials=signs_in.parts or None,
            ),
            opts=child_options(self, "machinelearningservices:WorkspaceConnection"),
        )
        self.connection_id = made.id
        self.register_outputs({"connection_id": self.connection_id})


def connection_credentials(
    auth_type: str, *, secrets: Mapping[str, pulumi.Input[str]], **parts: pulumi.Input[str]
) -> ConnectionCredentials:
    """Return credentials: ``secrets`` are the keys of the service that nobody may see."""
    hidden = {key: secret_input(value) for key, value in secrets.items()}
    return ConnectionCredentials(auth_type=auth_type, parts={**parts, **hidden})
