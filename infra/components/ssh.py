"""The account with which Azure ML reaches a machine over SSH: password, or key with passphrase."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from infra.components.compute import ComputeArgs
from infra.components.inputs import secret_input
from infra.contract.json_types import JsonObject


@dataclass(frozen=True, kw_only=True)
class OverSshArgs(ComputeArgs):
    """Arguments of an attachment over SSH. "Replace": a new value detaches and attaches again."""

    resource_id: pulumi.Input[str] | None = None
    """ARM id of the resource, or set ``address``. Replace."""
    address: pulumi.Input[str] | None = None
    """Host name or IP address; not supported in eastus, westus2, southcentralus. Replace."""
    ssh_port: pulumi.Input[int] = 22
    """Default 22. Replace."""
    user: pulumi.Input[str]
    """User to log in as. Replace."""
    password: pulumi.Input[str] | None = None
    """Password, or set ``private_key``; secret in state. In place."""
    private_key: pulumi.Input[str] | None = None
    """Text of a private key; secret in state. In place."""
    passphrase: pulumi.Input[str] | None = None
    """Passphrase of the private key, if any; secret in state. In place."""
    references: Mapping[str, str] = field(default_factory=dict)
    """Credential references for the manifest: field to ``env:NAME`` or ``file:PATH``."""


def account(args: OverSshArgs) -> JsonObject:
    """Return the account as the service has it; the SDK's class lacks the passphrase."""
    parts = {
        "username": args.user,
        "password": secret_input(args.password),
        "privateKeyData": secret_input(args.private_key),
        "passphrase": secret_input(args.passphrase),
    }
    return {key: value for key, value in parts.items() if value is not None}


def reached(args: OverSshArgs) -> JsonObject:
    """Return what a run needs to log in, without the credentials themselves."""
    return {
        "resource_id": args.resource_id,
        "address": args.address,
        "port": args.ssh_port,
        "user": args.user,
        "credentials": dict(args.references),
    }
