"""The template of a new stack file, and its defaults. Pure; the reader checks what comes out."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

SCHEMA_FILE: Final = "stack.schema.json"
"""File name of the JSON schema, beside the stack files."""
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*|[0-9]+")
# What a workspace name cannot have, and how much of one is left beside `ml-`.
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9-]+")
_NAME_LENGTH: Final = 30
_WORDS: Final = frozenset({"true", "false", "null"})


@dataclass(frozen=True, slots=True)
class NewStack:
    """What a new stack declares. ``compute`` empty: none; ``subscription`` empty: set later.

    ``group_exists``: ``yes`` or ``no``; ``subnet``: the id of the nodes' subnet, empty for none.
    """

    stack: str
    cloud: str
    location: str
    workspace: str
    resource_group: str
    compute: str
    vm_size: str
    max_nodes: str
    subscription: str = ""
    group_exists: str = "no"
    subnet: str = ""


DEFAULTS: Final = {
    "cloud": "local",
    "location": "westeurope",
    "workspace": "ml-{stack}",
    "resource_group": "{workspace}-rg",
    "group_exists": "no",
    "compute": "cpu",
    "vm_size": "STANDARD_DS3_V2",
    "max_nodes": "2",
    "subnet": "",
    "subscription": "",
}
"""The default of each field; it may refer to fields before it."""


def default(field: str, known: Mapping[str, str]) -> str:
    """Return the default of a field, ``known`` filled in as a workspace name can have it."""
    safe = {key: _NOT_IN_NAMES.sub("-", text)[:_NAME_LENGTH] for key, text in known.items()}
    return DEFAULTS[field].format(**safe)


def new_stack(stack: str) -> NewStack:
    """Return a new stack with every default."""
    known = {"stack": stack}
    for field in DEFAULTS:
        known[field] = default(field, known)
    return NewStack(**known)


def stack_text(wanted: NewStack) -> str:
    """Return a stack file with at most one cluster, as a starting point."""
    lines = [
        f"# yaml-language-server: $schema={SCHEMA_FILE}",
        f"# Deploy with `aml up -s {wanted.stack}`; validate with `aml check -s {wanted.stack}`.",
        "config:",
        f"  azure-native:location: {_scalar(wanted.location)}",
    ]
    if wanted.subscription:
        lines.append(f"  azure-native:subscriptionId: {_scalar(wanted.subscription)}")
    lines += [
        f"  aml:cloud: {_scalar(wanted.cloud)} # local | azure: where the stack is deployed",
        "  aml:workspace:",
        f"    name: {_scalar(wanted.workspace)}",
        f"    resource_group: {_scalar(wanted.resource_group)}",
    ]
    if wanted.group_exists == "yes":
        lines.append("    group_exists: true # neither changed nor deleted by this stack")
    if wanted.compute:
        lines += [
            "  aml:computes:",
            "    - kind: aml_compute",
            f"      name: {_scalar(wanted.compute)}",
            f"      vm_size: {_scalar(wanted.vm_size)}",
            "      priority: dedicated # low_priority is cheaper; nodes may be preempted",
            "      min_nodes: 0 # nodes kept warm are billed around the clock",
            f"      max_nodes: {_scalar(wanted.max_nodes)}",
        ]
        if wanted.subnet:
            lines.append(f"      subnet_id: {_scalar(wanted.subnet)}")
    return "\n".join(lines) + "\n"


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text)
