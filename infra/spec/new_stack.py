"""The text of a new stack file, from a few answers. Pure; what it says is checked by the reader."""

import json
import re
from dataclasses import dataclass
from typing import Final

SCHEMA_FILE: Final = "stack.schema.json"
"""The schema's name beside the stack files."""
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*|[0-9]+")
_WORDS: Final = frozenset({"true", "false", "null"})


@dataclass(frozen=True, slots=True)
class NewStack:
    """What a new stack is to be. ``compute`` empty: none; ``subscription`` empty: set later."""

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
    """Return a stack file with one cluster at most, for a person to go on from."""
    lines = [
        f"# yaml-language-server: $schema={SCHEMA_FILE}",
        f"# What `aml up -s {wanted.stack}` deploys; `aml check -s {wanted.stack}` validates it.",
        "config:",
        f"  azure-native:location: {_scalar(wanted.location)}",
    ]
    if wanted.subscription:
        lines.append(f"  azure-native:subscriptionId: {_scalar(wanted.subscription)}")
    lines += [
        f"  aml:cloud: {_scalar(wanted.cloud)} # local | azure; this alone decides the endpoint",
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
            "      priority: dedicated # low_priority is cheaper; nodes may be taken away",
            "      min_nodes: 0 # nodes kept warm are billed around the clock",
            f"      max_nodes: {_scalar(wanted.max_nodes)}",
        ]
    return "\n".join(lines) + "\n"


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text)
