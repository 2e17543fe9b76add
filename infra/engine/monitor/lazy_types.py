"""Defines what a generated SDK has when it is used: a package has hundreds of names, a program few.

A module ``_inputs``, ``outputs`` or ``_enums`` that Pulumi's generator wrote is a list of classes,
most of which nobody names. Its classes are made from its own compiled code, each when its name is
looked up. A package takes all names of a module for each resource and each function; such a module
is imported when one of its names is looked up. A module of another form is executed as it is.
"""

import builtins
import importlib
import inspect
import re
import sys
import threading
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, Final

import pulumi
from pulumi import _types as pulumi_types

_INPUTS: Final = "_inputs"
_OUTPUTS: Final = "outputs"
_ENUMS: Final = "_enums"
_FOR_ALL: Final = (_INPUTS, _ENUMS)
"""The modules whose names the package has, too, and each of its modules."""
_HEADER: Final = re.compile(rb"(?s)\A# coding=utf-8\n.*?\n__all__ = \[\n.*?\n\]\n")
# Each begins with a line break, which is found far sooner than the beginning of a line.
_FORMS: Final = {
    _INPUTS: re.compile(
        rb"\n(?P<how>@pulumi\.input_type\n)?class (?P<name>\w+)(?(how):|\(TypedDict\):)(?=\n)"
    ),
    _OUTPUTS: re.compile(rb"\n(?P<how>@pulumi\.output_type\n)class (?P<name>\w+)\(dict\):(?=\n)"),
    _ENUMS: re.compile(
        rb'\n(?P<how>@pulumi\.type_token\("[\w:/.-]+"\)\n)'
        rb"class (?P<name>\w+)\(_builtins\.str, Enum\):(?=\n)"
    ),
}
_STATEMENT: Final = re.compile(rb"\n\S")
_TAKEN: Final = re.compile(rb"^from \.(\w+) import \*\n", re.MULTILINE)
_EXPORTED: Final = re.compile(rb"^__all__ = \[([^\]]*)\]$", re.MULTILINE)
_NAME: Final = re.compile(rb"'(\w+)'")
_HEAD: Final = 1024
"""Bytes within which a module of a resource or a function says what it exports."""
_LOCK: Final = threading.RLock()
_Make = Callable[[str], object]


class _Answers:
    """What a module answers that is not there yet: its ``__getattr__``."""

    def __init__(self, module: ModuleType, package: str) -> None:
        self._module = module
        self._package = package
        self._makers: dict[str, _Make] = {}

    def add(self, names: Iterable[str], make: _Make) -> None:
        """Answer to these names, unless somebody before does."""
        for name in names:
            self._makers.setdefault(name, make)

    def has(self, name: str) -> bool:
        """Return whether the name is answered."""
        return name in self._makers

    def __call__(self, name: str) -> object:
        if name == "__all__":
            return self._all(inspect.currentframe())
        make = self._makers.get(name)
        if make is None:
            text = f"module {self._module.__name__!r} has no attribute {name!r}"
            raise AttributeError(text)
        found = vars(self._module)[name] = make(name)
        return found

    def _all(self, frame: FrameType | None) -> list[str]:
        # Modules of the package take all names, for annotations: `_hints` looks those up.
        asker = frame.f_back if frame is not None else None
        asks = str(asker.f_globals.get("__name__")) if asker is not None else ""
        if asks == self._package or asks.startswith(f"{self._package}."):
            return []
        own = vars(self._module) if self._module.__name__ == self._package else ()
        return sorted({*self._makers, *(each for each in own if not each.startswith("_"))})


class _Package(ModuleType):
    """A package whose functions keep their names: a module of that name is imported for each."""

    def __setattr__(self, name: str, value: object) -> None:
        answers = vars(self).get("__getattr__")
        if isinstance(value, ModuleType) and isinstance(answers, _Answers) and answers.has(name):
            value = getattr(value, name, value)  # a module of a resource has no such name
        super().__setattr__(name, value)


class _Classes:
    """The classes of a module, each made once: what the statement ``class`` does."""

    def __init__(
        self, module: ModuleType, bodies: dict[str, CodeType], forms: dict[str, bytes]
    ) -> None:
        self._namespace = vars(module)
        self._bodies = bodies
        self._forms = forms
        self.names = sorted(bodies)

    def made(self, name: str) -> type:
        """Return a class of one of the names."""
        with _LOCK:
            if name not in self._namespace:
                body = FunctionType(self._bodies[name], self._namespace)
                self._namespace[name] = self._define(name, body)
        found: type = self._namespace[name]
        return found

    def _define(self, name: str, body: FunctionType) -> type:
        build: Callable[..., type] = vars(builtins)["__build_class__"]
        how, _, argument = self._forms[name].partition(b"(")
        match how.strip():
            case b"@pulumi.input_type":
                return pulumi.input_type(build(body, name))
            case b"@pulumi.output_type":
                return pulumi.output_type(build(body, name, dict))
            case b"@pulumi.type_token":
                token = argument.split(b'"')[1].decode()
                made = build(body, name, str, self._namespace["Enum"])
                return pulumi.type_token(token)(made)
            case _:
                return build(body, name, self._namespace["TypedDict"])


class _Part(SourceFileLoader):
    """Executes a part of a module: these lines of its source."""

    def __init__(self, name: str, path: str, source: bytes) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self._source, self.get_filename(fullname))


class _TypesLoader(SourceFileLoader):
    """Executes what comes before the classes of a module; these are made when asked for."""

    def exec_module(self, module: ModuleType) -> None:
        package, _, kind = module.__name__.rpartition(".")
        source, code = Path(self.path).read_bytes(), self.get_code(module.__name__)
        classes = _classes(module, kind, source, code)
        above = _answers(sys.modules[package], package) if classes is not None else None
        if classes is None or above is None:
            super().exec_module(module)
            return
        _Part(module.__name__, self.path, source[: _end(source)]).exec_module(module)
        del vars(module)["__all__"]
        own = vars(module)["__getattr__"] = _Answers(module, package)
        own.add(classes.names, classes.made)
        if kind in _FOR_ALL:
            above.add(classes.names, classes.made)


class _PackageLoader(SourceFileLoader):
    """Executes a package, but for taking the names of its resources and functions."""

    def exec_module(self, module: ModuleType) -> None:
        source = Path(self.path).read_bytes()
        late = [name.decode() for name in _TAKEN.findall(source)]
        exported = {each: _exported(Path(self.path).parent / f"{each}.py") for each in late
                    if each not in _FORMS}  # fmt: skip
        if not exported or not all(exported.values()):
            super().exec_module(module)
            return
        module.__class__ = _Package
        answers = vars(module)["__getattr__"] = _Answers(module, module.__name__)
        for each, names in exported.items():
            answers.add(names, partial(_imported, f"{module.__name__}.{each}"))
        for each in exported:
            answers.add([each], partial(_submodule, module.__name__))
        rest = _TAKEN.sub(lambda found: b"" if found[1].decode() in exported else found[0], source)
        _Part(module.__name__, self.path, rest).exec_module(module)


def _exported(file: Path) -> list[str]:
    """Return what a module of a resource or a function exports; nothing if it does not say so."""
    try:
        with file.open("rb") as opened:
            found = _EXPORTED.search(opened.read(_HEAD))
    except OSError:
        return []
    return [name.decode() for name in _NAME.findall(found[1])] if found is not None else []


def _imported(module: str, name: str) -> object:
    return getattr(importlib.import_module(module), name)


def _submodule(package: str, name: str) -> object:
    return importlib.import_module(f"{package}.{name}")


def _answers(module: ModuleType, package: str) -> _Answers | None:
    """Return what a package answers; ``None`` if it has a ``__getattr__`` of its own."""
    found = vars(module).setdefault("__getattr__", _Answers(module, package))
    return found if isinstance(found, _Answers) else None


def _classes(
    module: ModuleType, kind: str, source: bytes, code: CodeType | None
) -> _Classes | None:
    """Return the classes of a module, ``None`` if it has another form than we know."""
    consts = code.co_consts if code is not None else ()
    bodies = {each.co_name: each for each in consts if isinstance(each, CodeType)}
    forms = {found["name"].decode(): found["how"] or b"" for found in _FORMS[kind].finditer(source)}
    decorated = sum(bool(form) for form in forms.values())
    if (
        forms.keys() != bodies.keys()
        or source.count(b"\n@pulumi.") != decorated
        or len(_STATEMENT.findall(source, _end(source) - 1)) != len(forms) + decorated
        or any(body.co_freevars for body in bodies.values())
    ):
        return None
    return _Classes(module, bodies, forms)


def _end(source: bytes) -> int:
    """Return where the part before the classes ends."""
    header = _HEADER.match(source)
    return header.end() if header is not None else 0


class _Finder:
    """Finds these modules of one package, and the packages in it."""

    def __init__(self, package: str) -> None:
        self._prefix = f"{package}."

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        below = name.removeprefix(self._prefix) if name.startswith(self._prefix) else ""
        kind = below.rpartition(".")[2]
        if not below or (kind not in _FORMS and kind != below):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or type(spec.loader) is not SourceFileLoader:
            return spec
        if kind in _FORMS:
            spec.loader = _TypesLoader(name, spec.loader.path)
        elif spec.submodule_search_locations is not None:
            spec.loader = _PackageLoader(name, spec.loader.path)
        return spec


def _hints(
    obj: Any, globalns: dict[str, Any] | None = None, localns: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the type hints of an object, with classes that are not made yet."""
    names: dict[str, Any] = {} if globalns is None else globalns
    while True:
        try:
            return typing.get_type_hints(obj, globalns, localns)
        except NameError as error:
            name, package = error.name or "", names.get("__package__")
            kinds = (sys.modules.get(f"{package}.{kind}") for kind in _FOR_ALL)
            found = next((kind for kind in kinds if hasattr(kind, name)), None)
            if found is None:
                raise
            names[name] = getattr(found, name)


@contextmanager
def lazily_defined(package: str | None) -> Iterator[None]:
    """Define the types of a generated package when they are used, if it is imported meanwhile."""
    if package is None:
        yield
        return
    finder = _Finder(package)
    if pulumi_types.__dict__.get("get_type_hints") is typing.get_type_hints:
        pulumi_types.__dict__["get_type_hints"] = _hints  # stays, as the modules do
    elif pulumi_types.__dict__.get("get_type_hints") is not _hints:
        yield  # an SDK that looks types up in another way
        return
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
