"""A job's command: its placeholders, and the parts that are dropped without a value. Pure.

``${{inputs.x}}`` and ``${{outputs.y}}`` are replaced by a value or a path. Of an optional part,
``$[[ --opt ${{inputs.x}} ]]``, the brackets are removed, or all of it if ``x`` has no value.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

_PLACEHOLDER: Final = re.compile(r"\$\{\{\s*(inputs|outputs)\.([\w.\-]+?)\s*\}\}")
_OPTIONAL: Final = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)


def placeholders(command: str, given: Collection[str]) -> list[str]:
    """Return the placeholders (``inputs.x``) that need a value, or have one in ``given``."""
    return [f"{kind}.{name}" for kind, name in _PLACEHOLDER.findall(_kept(command, given))]


def filled(command: str, values: Mapping[str, str]) -> str:
    """Return the command with its placeholders replaced; each must be in ``values``."""
    return _PLACEHOLDER.sub(lambda match: values[f"{match[1]}.{match[2]}"], _kept(command, values))


def unclosed(command: str) -> bool:
    """Return whether an optional part has no end."""
    return "$[[" in _OPTIONAL.sub("", command)


def _kept(command: str, given: Collection[str]) -> str:
    """Return the command without the optional parts that lack a value."""

    def part(match: re.Match[str]) -> str:
        named = (f"{kind}.{name}" for kind, name in _PLACEHOLDER.findall(match[1]))
        return match[1].strip() if all(name in given for name in named) else ""

    return _OPTIONAL.sub(part, command)
