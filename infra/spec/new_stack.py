"""Generates the text of a new stack file from a few answers. Pure."""

import json
import re
from dataclasses import dataclass
from typing import Final

SCHEMA_FILE: Final = "stack.schema.json"
"""File name of the JSON schema, beside the stack files."""
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*|[0-9]+")
_WORDS: Final = frozenset({"true", "false", "null"})


@dataclass(frozen=True, slots=True)
class NewStack:
    """The answers. Empty ``compute``: none; empty ``subscription``: set later."""

    stack: str
    cloud: str
    location: str
    workspace: str
    resource_group: str
    compute: str
    vm_size: str
    max_nodes: str
    subscription: str = ""


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
    if wanted.compute:
        lines += [
            "  aml:computes:",
            "    - kind: aml_compute",
            f"      name: {_scalar(wanted.compute)}",
            f"      vm_size: {_scalar(wanted.vm_size)}",
            "      priority: dedicated # low_priority is cheaper; Azure may evict nodes",
            "      min_nodes: 0 # idle nodes above zero are billed around the clock",
            f"      max_nodes: {_scalar(wanted.max_nodes)}",
        ]
    return "\n".join(lines) + "\n"


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text)
