"""Makes ``azureml`` mean this product's classes, in the process that asks for it.

One finder on `sys.meta_path` answers for ``azureml`` and everything below it, from the table of
names. Classes are imported when a name is first used.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final, NoReturn

from infra.contract.errors import PlatformError, UsageError
from runtime.api.parameters import public
from runtime.v1.facts import VERSION
from runtime.v1.names import Meaning, Names, names
from runtime.v1.refusals import refusal, refused

ROOT: Final = "azureml"


class UnknownSdkNameError(PlatformError, ImportError):
    """A name that azureml does not have, as far as it is known here."""

    summary = "Unknown name of azureml"
    exit_code = 2


class SdkModule(ModuleType):
    """A module of azureml. Its names are looked up in the table when they are used."""

    def __init__(self, name: str, table: Names) -> None:
        super().__init__(name)
        # Every module is a package: `from x import y` then asks the finder for an unknown `y`,
        # which can say more than Python's own message.
        self.__path__: list[str] = []
        setattr(self, "__version__", VERSION)  # noqa: B010 - typeshed has another type
        self.__all__ = [each for each in table.modules.get(name, {}) if not each.startswith("_")]
        self._table = table

    def __getattr__(self, name: str) -> object:
        meaning = self._table.meaning(self.__name__, name)
        if meaning is not None:
            value = _value(self.__name__, name, meaning)
            setattr(self, name, value)
            return value
        below = f"{self.__name__}.{name}"
        # A module that is refused whole has submodules of any name: only importing one finds it.
        if self._table.is_module(below) and self._table.refused_whole(below) is None:
            return import_module(below)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __call__(self, *arguments: object, **named: object) -> NoReturn:
        """Refuse a function of a module that is refused whole: it looks like a submodule."""
        del arguments, named
        module, _, called = self.__name__.rpartition(".")
        whole = self._table.refused_whole(self.__name__)
        if whole is None:
            raise TypeError(f"module {self.__name__!r} is not callable")
        raise refusal(module, called, whole)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__all__})


class SdkFinder(MetaPathFinder, Loader):
    """Finds azureml and its modules in the table of names."""

    def __init__(self, table: Names) -> None:
        self._table = table

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the module's spec; raise ``UnknownSdkNameError`` for one that is not known."""
        del path, target
        if fullname.partition(".")[0] != ROOT:
            return None
        if fullname == ROOT or self._table.is_module(fullname):
            return ModuleSpec(fullname, self, is_package=True)
        module, _, name = fullname.rpartition(".")
        raise UnknownSdkNameError(
            f"{module} has no {name!r}.", remedy=self._table.hint(module, name)
        )

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return a module whose names come from the table."""
        return SdkModule(spec.name, self._table)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: names are looked up when they are used."""


def activate() -> None:
    """Make ``azureml`` mean the classes of this product in this process. Repeating has no effect.

    Raises ``UsageError`` if Microsoft's package was imported before.
    """
    if active():
        return
    theirs = sys.modules.get(ROOT)
    if theirs is not None:
        place = getattr(theirs, "__file__", None) or next(iter(theirs.__path__), "?")
        raise UsageError(
            f"Microsoft's azureml is already imported, from {place}.",
            remedy="Restart Python and import `aml_platform.v1` first: in a notebook, in the first"
            " cell.",
        )
    sys.meta_path.insert(0, SdkFinder(names()))


def active() -> bool:
    """Return whether ``azureml`` means the classes of this product."""
    return any(isinstance(each, SdkFinder) for each in sys.meta_path)


@contextmanager
def activated() -> Iterator[None]:
    """Activate for the block only; afterwards ``azureml`` is what it was."""
    before = active()
    activate()
    try:
        yield
    finally:
        if not before:
            deactivate()


def deactivate() -> None:
    """Let ``azureml`` mean whatever is installed, for imports from now on."""
    sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, SdkFinder)]
    for name in [each for each in sys.modules if each.partition(".")[0] == ROOT]:
        if isinstance(sys.modules[name], SdkModule):
            del sys.modules[name]


def _value(module: str, name: str, meaning: Meaning) -> object:
    if meaning.offered:
        value: object = public(meaning.path)
        return value
    return refused(module, name, meaning)
