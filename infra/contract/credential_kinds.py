"""The kinds of `aml:credential` and `AML_CREDENTIAL`, and which one applies.

Values only; `identity` makes the credentials.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Final, Literal, get_args

from infra.contract.load import look_up

CredentialKind = Literal[
    "cli", "managed_identity", "workload_identity", "service_principal", "pipelines", "browser"
]
KINDS: Final[Sequence[str]] = get_args(CredentialKind)
VARIABLE: Final = "AML_CREDENTIAL"
"""Decides for everything that a process does, before the stack file."""
_OF_THE_STACK: Final = "AML_STACK_CREDENTIAL"

REMEDIES: Final[Mapping[str, str]] = {
    "cli": "Run `az login`.",
    "managed_identity": "It exists on machines in Azure; AZURE_CLIENT_ID chooses one of several.",
    "workload_identity": "On GitHub, give the job `permissions: {id-token: write}`; elsewhere set"
    " AZURE_FEDERATED_TOKEN_FILE. AZURE_TENANT_ID and AZURE_CLIENT_ID name the identity.",
    "service_principal": "Set AZURE_TENANT_ID, AZURE_CLIENT_ID, and AZURE_CLIENT_SECRET or"
    " AZURE_CLIENT_CERTIFICATE_PATH.",
    "pipelines": "Run it in an AzureCLI@2 task, with `env: {SYSTEM_ACCESSTOKEN:"
    " $(System.AccessToken)}`.",
    "browser": "It needs a browser on this machine.",
}


def declare(kind: str | None) -> None:
    """Use what a stack declares from now on, in this process and those that it starts."""
    if kind:
        os.environ[_OF_THE_STACK] = kind
    else:
        os.environ.pop(_OF_THE_STACK, None)


def kind_of(environ: Mapping[str, str]) -> str | None:
    """Return the kind that applies; raise ``UnknownNameError`` with the nearest for another."""
    kind = environ.get(VARIABLE) or environ.get(_OF_THE_STACK)
    if kind:
        look_up(kind, dict.fromkeys(KINDS), noun="kind of credential")
    return kind or None


def remedy_for(environ: Mapping[str, str]) -> str:
    """Return what to do if no token is issued."""
    kind = kind_of(environ)
    if kind is None:
        return "Run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET."
    by = VARIABLE if environ.get(VARIABLE) else "`aml:credential` of the stack"
    return f"{REMEDIES[kind]} {by} chose {kind!r}."
