"""Makes the modules of ``azureml`` from the table of names, each name imported when it is used.

A name that is not in the table is an ``ImportError`` that says what to do.
"""

import importlib
import os
import sys
import types
import typing
from importlib.machinery import ModuleSpec

from .late import late_class
from .loading import load
from .names import AFTER_ALL, INSTEAD, LATE, MODULES, instead_of

_PACKAGE = "azureml"
_SITE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "azureml_site")


def install(name: str) -> None:
    """Make ``azureml`` answer from the table, or Microsoft's package in its place."""
    if os.environ.get("AML_AZUREML") == "fill" and _microsofts():
        sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _SITE]
        del sys.modules[name]
        importlib.invalidate_caches()
        importlib.import_module(name)
        load("last_metrics:send_at_the_end")()
        return
    module = sys.modules[name]
    # Other packages below `azureml`, such as azureml-mlflow's, are still found.
    module.__path__ = [folder for folder, _ in _others()]
    module.__class__ = _TableModule
    sys.meta_path.insert(0, _Finder())
    sys.meta_path.append(_LastFinder())


def _others() -> typing.List[typing.Tuple[str, str]]:
    """Return the folders ``azureml`` on the path, and the path's entries they are in."""
    entries = [entry or os.curdir for entry in sys.path]
    folders = [
        (os.path.join(entry, _PACKAGE), entry)
        for entry in entries
        if os.path.abspath(entry) != _SITE
    ]
    return [(folder, entry) for folder, entry in folders if os.path.isdir(folder)]


def _microsofts() -> bool:
    """Return whether Microsoft's package is on the path, without importing it: that is slow."""
    return any(os.path.isfile(os.path.join(f, "core", "__init__.py")) for f, _ in _others())


class _TableModule(types.ModuleType):
    """A module whose attributes are looked up in the table when they are first used."""

    def __getattr__(self, name: str) -> typing.Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = _found(self.__name__, name)
        setattr(self, name, found)
        return found

    def __dir__(self) -> typing.List[str]:
        return sorted(
            {*super().__dir__(), *MODULES.get(self.__name__, ()), *LATE.get(self.__name__, ())}
        )


def _found(module: str, name: str) -> typing.Any:
    place = MODULES.get(module, {}).get(name)
    if place is not None:
        return load(place)
    if f"{module}.{name}" in _KNOWN:
        return importlib.import_module(f"{module}.{name}")
    if name in LATE.get(module, ()):
        return late_class(f"{module}.{name}", instead_of(module, name))
    # Not an ImportError: who looks through all modules, as pickle does, expects this one. After it,
    # `from module import name` asks for a module of that name, which the last finder refuses.
    raise AttributeError(_missing(f"{module}.{name}", instead_of(module, name)))


def _missing(name: str, instead: str) -> str:
    return f"{name} is not offered inside a run. {instead}"


def _meant(name: str) -> str:
    """Return a question with the nearest name of the same module, ``""`` if none is near."""
    module, _, last = name.rpartition(".")
    below = {each[len(module) + 1 :] for each in _KNOWN if each.startswith(f"{module}.")}
    offered = {*MODULES.get(module, ()), *(each for each in below if "." not in each)}
    # With difflib on demand: most runs misspell nothing, and it is slow to import.
    near = importlib.import_module("difflib").get_close_matches(last, sorted(offered), 1, 0.75)
    return f"Did you mean {near[0]!r}? " if near and near[0] != last else ""


_KNOWN = frozenset([*MODULES, *LATE])


class _TableLoader:
    """Makes a module of the table. Importing ``importlib.abc`` for a base takes 50 ms."""

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        return _TableModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        names = {*MODULES.get(module.__name__, ()), *LATE.get(module.__name__, ())}
        module.__all__ = sorted(name for name in names if not name.startswith("_"))  # type: ignore[attr-defined]


def _is_importing() -> bool:
    """Return whether a module is imported, and not just looked for: that answers `None`."""
    return sys._getframe(3).f_code.co_name == "_find_and_load_unlocked"


_LOADER: typing.Any = _TableLoader()


class _Finder:
    """Finds the modules of the table."""

    def find_spec(
        self, name: str, path: object, target: object = None
    ) -> typing.Optional[ModuleSpec]:
        if name not in _KNOWN:
            return None
        # All are packages: only of those, `from module import name` asks for a module.
        return ModuleSpec(name, _LOADER, is_package=True)


class _LastFinder:
    """Says what to use instead of a module of ``azureml`` that nobody found."""

    def find_spec(
        self, name: str, path: object, target: object = None
    ) -> typing.Optional[ModuleSpec]:
        if name.startswith(f"{_PACKAGE}.") and _is_importing():
            top = next((key for key in INSTEAD if f"{name}.".startswith(f"{key}.")), "")
            parent = name.rpartition(".")[0]
            # `from` passes over this error if it names the module that was not found.
            instead = _meant(name) + INSTEAD.get(top, AFTER_ALL)
            raise ModuleNotFoundError(_missing(name, instead), name=parent)
        return None
