"""How a trial of a sweep sees its values: in place of expressions, and as variables. Pure."""

import re
from collections.abc import Mapping
from typing import Final

# A shell line that quotes its text writes a backslash before an expression.
_EXPRESSION: Final = re.compile(r"\\?\$\{\{\s*search_space\.([^{}]*?)\s*\}\}")


def with_values(text: str, values: Mapping[str, str]) -> str:
    """Return a text with ``${{search_space.NAME}}`` replaced; an unknown one stays as it is."""
    return _EXPRESSION.sub(lambda found: values.get(found[1], found[0]), text)
