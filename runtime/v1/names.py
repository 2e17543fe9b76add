"""The table of azureml's names, `names.txt`: what each means here, or what to use instead."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).with_name("names.txt")
_API: Final = "runtime.api."
_BELOW: Final = ".*"
OFFERED: Final = "offered"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name means: the import path of an implementation, or the reason of a refusal.

    ``instead`` is a sentence that says what to use.
    """

    path: str = ""
    topic: str = ""
    instead: str = ""

    @property
    def offered(self) -> bool:
        """Whether there is an implementation."""
        return bool(self.path)


@dataclass(frozen=True, slots=True)
class Names:
    """The table. ``modules`` maps a module to its names; ``below`` lists modules refused whole."""

    modules: Mapping[str, Mapping[str, Meaning]]
    below: Mapping[str, Meaning] = field(default_factory=dict)

    def is_module(self, name: str) -> bool:
        """Return whether a module exists, itself or as the parent of one."""
        if name in self.modules or self.refused_whole(name) is not None:
            return True
        return any(each.startswith(f"{name}.") for each in (*self.modules, *self.below))

    def refused_whole(self, module: str) -> Meaning | None:
        """Return the meaning of everything in a module that has no names of its own here."""
        if module in self.modules:
            return None
        parts = module.split(".")
        above = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
        return next((self.below[each] for each in above if each in self.below), None)

    def meaning(self, module: str, name: str) -> Meaning | None:
        """Return what a name of a module means, ``None`` if there is no such name."""
        found = self.modules.get(module, {}).get(name)
        if found is not None or name.startswith("_"):
            return found
        whole = self.refused_whole(module)
        # A lower-case name may be a module; that is found by importing it.
        return whole if whole is not None and name[:1].isupper() else None

    def hint(self, module: str, name: str) -> str:
        """Return a sentence that leads from an unknown name to a known one."""
        elsewhere = sorted(each for each, names in self.modules.items() if name in names)
        if elsewhere:
            return f"It is in {elsewhere[0]}: `from {elsewhere[0]} import {name}`."
        here = [*self.modules.get(module, {}), *self._submodules(module)]
        close = get_close_matches(name, here, n=1)
        if close:
            return f"Did you mean {close[0]!r}?"
        everywhere = {each for names in self.modules.values() for each in names}
        close = get_close_matches(name, everywhere, n=1, cutoff=0.8)
        if close:
            place = next(each for each, names in self.modules.items() if close[0] in names)
            return f"Did you mean `from {place} import {close[0]}`?"
        return "No release of the SDK that is followed here has it; leave it out."

    def _submodules(self, module: str) -> Iterable[str]:
        start = f"{module}."
        known = (*self.modules, *self.below)
        return {each[len(start) :].split(".")[0] for each in known if each.startswith(start)}


@cache
def names() -> Names:
    """Return the table, read once."""
    return parsed(_FILE.read_text(encoding="utf-8"))


def parsed(text: str) -> Names:
    """Return the table in ``text``."""
    modules: dict[str, dict[str, Meaning]] = {}
    below: dict[str, Meaning] = {}
    topic, instead, module = OFFERED, "", ""
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            topic, _, instead = line[1:].partition("]")
            instead = instead.strip()
            continue
        words = line
        if not line.startswith(" "):
            module, _, words = line.partition(":")
        if module.endswith(_BELOW):
            below[module.removesuffix(_BELOW)] = Meaning(topic=topic, instead=instead)
            continue
        known = modules.setdefault(module, {})
        for word in words.split():
            name, _, path = word.partition("=")
            known[name] = (
                Meaning(_path(name, path), topic, instead)
                if path
                else Meaning(topic=topic, instead=instead)
            )
    return Names(modules, below)


def _path(name: str, path: str) -> str:
    whole = path if ":" in path else f"{path}:{name}"
    return whole if whole.startswith("runtime.") else f"{_API}{whole}"
