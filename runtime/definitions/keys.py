"""Tables of keys: every key of a file is honoured, known to have no effect, or refused.

A dialect is a table of ``Key`` rows. ``check_keys`` compares a document with it: a key that no row
describes is a problem, which names the nearest key that exists.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Final

from runtime.definitions.located import Located
from runtime.definitions.problems import Problems, place_of

_ANY_NAME: Final = "*"
_LISTED: Final = 40


class Meaning(StrEnum):
    """What becomes of a key."""

    HONOURED = "honoured"
    NO_EFFECT = "no effect"
    REFUSED = "refused"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a dialect; ``REPLACED`` ones are those of CLI v2's preview of 2021.

    ``path`` has its keys separated by dots; ``*`` is any name. ``forms`` are the words of
    ``_FORMS`` that a value may be, separated by ``|``. ``note``: what becomes of it, why it has no
    effect, or what to write instead. With ``free``, what is below it is not looked at.
    """

    path: str
    forms: str
    note: str
    meaning: Meaning = Meaning.HONOURED
    free: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.path.split("."))


@dataclass(frozen=True, slots=True)
class Unused:
    """A key of a file that has no effect here, where it is, and why."""

    path: str
    line: int
    why: str

    def note(self, file: Path) -> str:
        """Return what is said of it; ``file`` is that of the definition."""
        return f"{place_of(self.line, file)}: `{self.path}` has no effect. {self.why}"


def check_keys(
    document: Located, table: Sequence[Key], problems: Problems, *, noun: str
) -> tuple[Unused, ...]:
    """Add a problem for every key and form that does not fit; return the keys without effect.

    ``noun`` is what the document is, with its article. Null stands for a key left out.
    """
    checking = _Checking({key.parts: key for key in table}, problems, noun)
    return tuple(checking.unused(document, (), ()))


@dataclass(frozen=True, slots=True)
class _Checking:
    rows: Mapping[tuple[str, ...], Key]
    problems: Problems
    noun: str

    def unused(
        self, node: Located, path: tuple[str, ...], pattern: tuple[str, ...]
    ) -> Iterator[Unused]:
        """Yield the keys below a map that have no effect; ``pattern`` is its path in the table."""
        known = [parts[-1] for parts in self.rows if parts[:-1] == pattern]
        for name, value in node.entries.items():
            at = (*pattern, name if name in known or _ANY_NAME not in known else _ANY_NAME)
            row, shown = self.rows.get(at), ".".join((*path, name))
            if row is None:
                what = f"{_first_upper(self.noun)} has no key `{shown}`."
                self.problems.at_line(value.line, what, _nearest(name, known))
            elif row.meaning is Meaning.REFUSED:
                self.problems.at_line(value.line, f"`{shown}` cannot be used.", row.note)
            elif row.meaning is Meaning.REPLACED:
                what = f"`{shown}` is a key of the preview of 2021."
                self.problems.at_line(value.line, what, row.note)
            elif row.meaning is Meaning.NO_EFFECT:
                yield Unused(shown, value.line, row.note)
            elif not value.is_null:
                _check_form(value, shown, row.forms, self.problems)
                if not row.free and _MAPS & {*row.forms.split("|")}:
                    yield from self.unused(value, (*path, name), at)


def _first_upper(noun: str) -> str:
    return f"{noun[:1].upper()}{noun[1:]}"


def _nearest(name: str, known: Sequence[str]) -> str:
    plain = {each.replace("_", "").lower(): each for each in known}
    close = get_close_matches(name.replace("_", "").replace("-", "").lower(), plain, n=1)
    if close:
        return f"Did you mean `{plain[close[0]]}`?"
    return f"Use one of: {', '.join(sorted(known)[:_LISTED])}."


_FORMS: Final = {
    "text": (str, int, float, bool),
    "whole number": (int,),
    "number": (int, float),
    "true or false": (bool,),
    "map": (Mapping,),
    "list": (tuple,),
}
"""The forms of values, and the types they are read as; a number may stand where text is due."""
_MAPS: Final = frozenset({"map", "any"})
_SPOKEN: Final = {form: f"a {form}" for form in ("map", "list", "number", "whole number")}


def _check_form(value: Located, shown: str, forms: str, problems: Problems) -> None:
    named = forms.split("|")
    if named == ["any"]:
        return
    fits = any(isinstance(value.value, _FORMS[form]) for form in named)
    if isinstance(value.value, bool):
        fits = "true or false" in named or "text" in named  # `bool` is a whole number to Python
    if not fits:
        what = "a map" if value.is_map else "a list" if value.is_list else repr(value.text)
        expected = " or ".join(_SPOKEN.get(form, form) for form in named)
        problems.at_line(value.line, f"`{shown}` is {what}, not {expected}.", f"Write {expected}.")
