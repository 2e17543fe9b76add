"""Reads the table of used names, and looks each up in the classes that answer to it."""

import ast
import inspect
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from infra.contract.load import load
from runtime.agent.in_run import finder
from runtime.v1.names import names

TABLE = Path(__file__).with_name("used_names.txt")


@dataclass(frozen=True)
class Used:
    """One name: `module.Class`, a member, the repositories that use it, the list it is on."""

    side: str
    share: int
    owner: str
    member: str
    repositories: int

    def __str__(self):
        return f"{self.side} {self.owner}.{self.member}"

    @property
    def covered(self):
        """Whether a class answers to it here."""
        meant = owner_of(self.side, self.owner)
        return meant is not None and (self.member == "()" or self.member in members(meant))


def used():
    """Return the names of the table."""
    found, side, share, owner = [], "", 0, ""
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            side, share = line.strip("[]").split()
        elif line.strip() and not line.startswith("#"):
            words = line
            if not line.startswith(" "):
                owner, _, words = line.partition(":")
            for word in words.split():
                member, _, count = word.rpartition("=")
                found.append(Used(side, int(share), owner, member, int(count)))
    return found


@cache
def owner_of(side, owner):
    """Return the object that a dotted name means on one side, ``None`` if none is offered."""
    module, _, name = owner.rpartition(".")
    if side == "submit":
        meaning = names().meaning(module, name)
        return load(meaning.path) if meaning is not None and meaning.offered else None
    place = finder.MODULES.get(module, {}).get(name)
    return finder.load(place) if place is not None else None


@cache
def members(owner):
    """Return the names that an object of a class has, with those its methods assign to `self`."""
    if not inspect.isclass(owner):
        return frozenset()
    assigned = {
        node.attr
        for each in owner.__mro__[:-1]
        for node in ast.walk(source(each))
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id in {"self", "made"}
    }
    fields = {name for each in owner.__mro__ for name in getattr(each, "__annotations__", {})}
    return frozenset({*dir(owner), *assigned, *fields})


def source(owner):
    """Return the syntax tree of a class, empty for one that is not written in Python."""
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(owner)))
    except (OSError, TypeError):
        return ast.Module([], [])
