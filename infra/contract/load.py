"""The one place that imports late, over tables of import paths.

Everything else imports at the top of its module, so that the import graph is the architecture.
"""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, TypeVar

from infra.contract.errors import MissingExtraError, UnknownNameError
from infra.contract.json_types import Document

T = TypeVar("T")
_OURS = ("infra", "runtime", "localcloud")
_LISTED = 32


def load(path: str, *, extra: str | None = None) -> Any:
    """Import ``package.module:attribute`` and return the attribute.

    A module that is missing because an extra is not installed is a ``MissingExtraError`` with the
    command that installs it; a missing module of our own stays an ``ImportError``: it is a bug.
    """
    module, _, attribute = path.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _OURS:
            raise
        wanted = extra or "all"
        raise MissingExtraError(
            f"This needs the Python module {error.name!r}, which is not installed.",
            remedy=f"Run `pip install 'aml-platform[{wanted}]'`.",
        ) from error


def look_up(name: str, table: Mapping[str, T], *, noun: str) -> T:
    """Return ``table[name]``, or say what there is and what was probably meant."""
    if name in table:
        return table[name]
    raise UnknownNameError(f"There is no {noun} {name!r}.", remedy=nearest(name, table, noun=noun))


def nearest(name: str, known: Document, *, noun: str) -> str:
    """Return the sentence that leads from a wrong name to a right one."""
    close = get_close_matches(name.lower(), {key.lower(): key for key in known}, n=1)
    original = {key.lower(): key for key in known}
    if close:
        return f"Did you mean {original[close[0]]!r}? (all: {_listed(known)})"
    if known:
        return f"Use one of: {_listed(known)}."
    return f"There is no {noun} at all."


def _listed(known: Collection[str]) -> str:
    """Return names to choose from; of hundreds (runs, URNs) nobody reads more than the first."""
    more = len(known) - _LISTED
    return ", ".join(sorted(known)[:_LISTED]) + (f" and {more} more" if more > 0 else "")
