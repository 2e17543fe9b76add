"""The only place that imports late, from tables of import paths.

Everything else imports at the top of its module, so that the import graph shows the architecture.
"""

import gc
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeVar

from infra.contract.errors import MissingExtraError, UnknownNameError
from infra.contract.json_types import Document

T = TypeVar("T")
_OURS = ("infra", "runtime", "localcloud", "aml_platform")
_LISTED = 32
_NEAREST = 3


def load(path: str, *, extra: str | None = None) -> Any:
    """Import ``package.module:attribute`` and return the attribute.

    If an extra is missing, raises ``MissingExtraError`` with the command that installs it. A
    missing module of our own is a bug and stays an ``ImportError``.
    """
    module, _, attribute = path.partition(":")
    try:
        with _uncollected():
            return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _OURS:
            raise
        wanted = extra or "all"
        raise MissingExtraError(
            f"This needs the Python module {error.name!r}, which is not installed.",
            remedy=f"Run `pip install 'aml-platform[{wanted}]'`.",
        ) from error


@contextmanager
def _uncollected() -> Iterator[None]:
    """Import without garbage collection: modules are no garbage, and looking costs a tenth."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def look_up(name: str, table: Mapping[str, T], *, noun: str) -> T:
    """Return ``table[name]``; raise ``UnknownNameError`` with the nearest name otherwise."""
    if name in table:
        return table[name]
    raise UnknownNameError(f"There is no {noun} {name!r}.", remedy=nearest(name, table, noun=noun))


def nearest(name: str, known: Document, *, noun: str) -> str:
    """Return a sentence that suggests the known names nearest to ``name``, or lists all."""
    close: list[str] = load("infra.contract.meant:names_meant")(name, known, most=_NEAREST)
    if close:
        return f"Did you mean {one_of(close)}? (all: {_listed(known)})"
    if known:
        return f"Use one of: {_listed(known)}."
    return f"There is no {noun} yet."


def one_of(names: Sequence[str]) -> str:
    """Return ``'a', 'b' or 'c'``."""
    *others, last = map(repr, names)
    return f"{', '.join(others)} or {last}" if others else last


def _listed(known: Collection[str]) -> str:
    """Return the names to choose from; of hundreds (runs, URNs) only the first."""
    more = len(known) - _LISTED
    return ", ".join(sorted(known)[:_LISTED]) + (f" and {more} more" if more > 0 else "")
