"""Finds packages of the user's that shadow ours, before ours are imported.

`infra` and `runtime` are common folder names. Standard library only: if `infra` is shadowed, none
of our modules can be imported.
"""

import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Final

OURS: Final = ("infra", "runtime", "localcloud")
# The folder is resolved, not the file: an installer may have linked each file to its cache.
_INSTALLED: Final = Path(__file__).parents[1].resolve()
_COMMAND: Final = "aml"
_USAGE: Final = 2  # the exit code of `infra.contract.errors.UsageError`


def require_own_packages() -> None:
    """Raise ``ImportError`` if a name of ours is shadowed; the command ``aml`` exits instead.

    Python imports this package before the command's module, which therefore cannot catch it.
    """
    found = shadowing()
    if not found:
        return
    if Path(*sys.argv[:1]).stem == _COMMAND:
        sys.stderr.write(f"error: {message(found)}\n")
        sys.exit(_USAGE)
    raise ImportError(message(found))


def shadowing() -> dict[str, Path]:
    """Return the shadowed names of ours, and the package or module that shadows each."""
    specs = {name: _spec(name) for name in OURS}
    found = {name: _place(spec) for name, spec in specs.items() if spec is not None}
    return {name: place for name, place in found.items() if place.parent.resolve() != _INSTALLED}


def message(found: dict[str, Path]) -> str:
    """Return the error message: what shadows what, and how to fix it."""
    places = " and ".join(str(place) for place in found.values())
    names = " and ".join(repr(name) for name in found)
    renamed = " and ".join(repr(f"my_{name}") for name in found)
    return (
        f"{places} would be imported instead of aml-platform's {names}. "
        f"Rename it, for instance to {renamed}, and update the imports of it; "
        "or start Python in another folder. Then restart Python."
    )


def _spec(name: str) -> ModuleSpec | None:
    # An imported module wins over whatever the path would find now. `__main__`-like modules have
    # no spec, for which `find_spec` would raise.
    module = sys.modules.get(name)
    return find_spec(name) if module is None else module.__spec__


def _place(spec: ModuleSpec) -> Path:
    """Return the folder of a package, or the file of a module."""
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).absolute()
    return Path(spec.origin or spec.name).absolute()
