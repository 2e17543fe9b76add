"""The account with which Azure ML reaches a machine over SSH: password, or key with passphrase."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from infra.components.compute import ComputeArgs
from infra.components.inputs import secret_input
from infra.contract.json_types import JsonObject


@dataclass(frozen=True, kw_only=True)
class OverSshArgs(ComputeArgs):
    """What is attached over SSH. "Replace" means: another value detaches it and attaches anew."""

    resource_id: pulumi.Input[str] | None = None
    """ARM id of what exists; this or ``address``. Replace."""
    address: pulumi.Input[str] | None = None
    """Host name or IP address; not in eastus, westus2 and southcentralus. Replace."""
    ssh_port: pulumi.Input[int] = 22
    """Default 22. Replace."""
    user: pulumi.Input[str]
    """Whom to log in as. Replace."""
    password: pulumi.Input[str] | None = None
    """This or ``private_key``; secret in state. In place."""
    private_key: pulumi.Input[str] | None = None
    """Text of a private key; secret in state. In place."""
    passphrase: pulumi.Input[str] | None = None
    """Of the private key, if it has one; secret in state. In place."""
    references: Mapping[str, str] = field(default_factory=dict)
    """Where runs find the credentials, for the manifest: field to ``env:NAME`` or ``file:PATH``."""


def account(args: OverSshArgs) -> JsonObject:
    """Return it as the service has it: the SDK's own class does not know the passphrase."""
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
