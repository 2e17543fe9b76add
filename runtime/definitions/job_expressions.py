"""The expressions of CLI v2: ``${{inputs.x}}`` and the optional groups ``$[[ … ]]``. Pure.

A literal is written into a command as it is, as Azure ML does. Data is a variable of the shell,
quoted as its place requires, because its path is known only where the run executes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

EXPRESSION: Final = re.compile(r"\$\{\{\s*([^{}]*?)\s*\}\}")
_GROUP: Final = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that is known: it stands in the text as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A path that the run finds in the variable ``name``; ``below`` is a file in that folder."""

    name: str
    below: str = ""

    @property
    def reference(self) -> str:
        return f"${{{self.name}}}{self.below}"


Value: TypeAlias = Literal | Variable | None
"""What an expression stands for; ``None`` for an optional input without a value."""


def references(text: str) -> Iterator[str]:
    """Yield what stands between the braces of each expression, such as ``inputs.x``."""
    for match in EXPRESSION.finditer(text):
        yield match[1]


def outside_groups(text: str) -> str:
    """Return the text without its optional groups."""
    return _GROUP.sub("", text)


def is_open(text: str) -> bool:
    """Return whether a group or an expression has no end."""
    rest = EXPRESSION.sub("", outside_groups(text))
    return "$[[" in rest or "${{" in rest


def with_groups(text: str, values: Mapping[str, Value]) -> str:
    """Return the text with each group's content, or without it if one of its values is absent."""

    def content(match: re.Match[str]) -> str:
        named = list(references(match[1]))
        return match[1] if all(values.get(name) is not None for name in named) else ""

    return _GROUP.sub(content, text)


def in_shell(text: str, values: Mapping[str, Value]) -> str:
    """Return a line for bash, in which every expression must have a value."""
    pieces: list[str] = []
    quotes, at = _Quotes(), 0
    for match in EXPRESSION.finditer(text):
        before = text[at : match.start()]
        quotes.follow(before)
        pieces += (before, _shell_text(values[match[1]], quotes.open))
        at = match.end()
    return "".join([*pieces, text[at:]])


def _shell_text(value: Value, quote: str) -> str:
    match value:
        case Literal(text):
            return text
        case Variable():
            return _QUOTED[quote](value.reference)
    return ""


_QUOTED: Final[Mapping[str, Callable[[str], str]]] = {
    "": lambda reference: f'"{reference}"',
    '"': lambda reference: reference,
    "'": lambda reference: f"'\"{reference}\"'",
}
"""The quote that is open → how a variable is written there."""


class _Quotes:
    """Follows a shell line; ``open`` is the quote that its end is in, ``""`` outside of any."""

    def __init__(self) -> None:
        self.open = ""
        self._word = False  # whether the next character continues a word

    def follow(self, text: str) -> None:
        """Read on. Comments have no quotes: ``# don't``."""
        position = 0
        while position < len(text):
            character = text[position]
            if character == "\\" and self.open != "'":
                position += 1
            elif self.open:
                self.open = "" if character == self.open else self.open
            elif character in {'"', "'"}:
                self.open = character
            elif character == "#" and not self._word:
                end = text.find("\n", position)
                position = len(text) if end < 0 else end
            self._word = not character.isspace()
            position += 1


def in_text(text: str, values: Mapping[str, Value]) -> str | None:
    """Return plain text; ``None`` if one of its expressions is known only where the run executes.

    An optional input without a value is nothing.
    """
    found = [values[name] for name in references(text)]
    if any(isinstance(value, Variable) for value in found):
        return None

    def replaced(match: re.Match[str]) -> str:
        value = values[match[1]]
        return value.text if isinstance(value, Literal) else ""

    return EXPRESSION.sub(replaced, text)


def exported(variable: str, text: str, values: Mapping[str, Value]) -> str:
    """Return the shell line that sets a variable to a text with expressions."""
    pieces: list[str] = []
    at = 0
    for match in EXPRESSION.finditer(text):
        pieces += (_escaped(text[at : match.start()]), _double_quoted(values[match[1]]))
        at = match.end()
    return f'export {variable}="{"".join([*pieces, _escaped(text[at:])])}"'


def _double_quoted(value: Value) -> str:
    return _escaped(value.text) if isinstance(value, Literal) else _shell_text(value, '"')


def _escaped(text: str) -> str:
    return re.sub(r'([\\"$`])', r"\\\1", text)
