"""Guarded patches that make the Pulumi SDK faster while a program runs.

Each replaces module-level names by something with the same results and less work. Each is first
checked against the installed SDK; where it does not fit, the SDK's own code stays. None of them
changes what a program does.
"""

import asyncio
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FrameType, ModuleType, SimpleNamespace
from typing import Any, Final

import pulumi.log
import pulumi.resource
import pulumi.runtime.resource
import pulumi.runtime.resource_cycle_breaker as cycles
import pulumi.runtime.stack
from pulumi.runtime.proto import alias_pb2, source_pb2

registration = pulumi.runtime.resource


Replacements = dict[str, Callable[..., object] | SimpleNamespace]
"""New values for names of a module: functions, or a module's stand-in."""


@dataclass(frozen=True, slots=True)
class SdkPatch:
    """One patch: ``make()`` returns new values for some of the names in ``module``.

    ``fits`` says whether the installed SDK still is the one that ``make`` was written for.
    """

    name: str
    module: ModuleType
    fits: Callable[[], bool]
    make: Callable[[], Replacements]


@contextmanager
def patched(patches: Iterable[SdkPatch], warn: Callable[[str], None]) -> Iterator[None]:
    """Apply each of ``patches`` that fits; call ``warn`` with the name of each that does not."""
    with ExitStack() as undo:
        for patch in patches:
            if not _holds(patch.fits):
                warn(patch.name)
                continue
            for name, value in patch.make().items():
                undo.callback(setattr, patch.module, name, getattr(patch.module, name))
                setattr(patch.module, name, value)
        yield


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except Exception:  # noqa: BLE001 - whatever is raised, this SDK has changed
        return False


# --- alias URNs that are never read ---------------------------------------------------------------


def _alias_urns_are_unread() -> bool:
    """Only the fallback for engines without alias specifications reads a resource's alias URNs."""
    return (
        readers("_aliases") <= {"Resource.__init__", "all_aliases"}
        and readers("all_aliases") <= {"prepare_aliases"}
        and _parameters(registration.collapse_alias_to_urn)
        == ["alias", "defaultName", "defaultType", "defaultParent"]
    )


def _no_alias_urns() -> Replacements:
    return {"collapse_alias_to_urn": lambda *_: None}


# --- alias specifications -------------------------------------------------------------------------


def _aliases_are_prepared_alike() -> bool:
    fields = set(vars(pulumi.Alias()))
    return fields == {"name", "type_", "parent", "stack", "project"} and _parameters(
        registration.prepare_aliases
    ) == ["resource", "resource_options", "supports_alias_specs"]


def _quick_aliases() -> Replacements:
    original = registration.prepare_aliases

    async def prepare_aliases(
        resource: pulumi.Resource, options: pulumi.ResourceOptions | None, supports: object
    ) -> object:
        given = getattr(options, "aliases", None)
        quick = [_alias_message(alias) for alias in given or ()] if supports else [None]
        if None in quick:
            return await original(resource, options, bool(supports))
        return quick

    return {"prepare_aliases": prepare_aliases}


def _alias_message(alias: object) -> alias_pb2.Alias | None:
    """Return the message of an alias that can be built without waiting, ``None`` for any other."""
    if type(alias) is str:
        return alias_pb2.Alias(urn=alias)
    if type(alias) is not pulumi.Alias:
        return None
    given = vars(alias)
    if not given["stack"] is given["project"] is given["parent"] is ...:
        return None
    name, type_ = ("" if given[field] is ... else given[field] for field in ("name", "type_"))
    if not isinstance(name, str) or not isinstance(type_, str):
        return None
    return _alias_spec(name, type_)


@lru_cache(maxsize=4096)
def _alias_spec(name: str, type_: str) -> alias_pb2.Alias:
    return alias_pb2.Alias(spec=alias_pb2.Alias.Spec(name=name, type=type_, parentUrn=""))


# --- waiting for outputs --------------------------------------------------------------------------

_RECHECK_S: Final = 0.5


def _one_wait_for_outputs() -> bool:
    module = pulumi.runtime.stack
    names = module.wait_for_rpcs.__code__.co_names
    return (
        getattr(module, "asyncio", None) is asyncio
        and {"wait", "FIRST_COMPLETED"} <= set(names)
        and readers("wait", [module]) <= {"wait_for_rpcs"}
    )


def _wait_for_all() -> Replacements:
    """Wake on an error or at the end, not on each completion of many.

    New outputs may fail while old ones never complete, so the SDK's loop also wakes now and then.
    """

    async def wait(
        tasks: Iterable[asyncio.Future[object]], **_: object
    ) -> tuple[set[asyncio.Future[object]], set[asyncio.Future[object]]]:
        return await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION, timeout=_RECHECK_S)

    return {"asyncio": SimpleNamespace(**{**vars(asyncio), "wait": wait})}


# --- dependency cycles ----------------------------------------------------------------------------


def _walks_the_same_graph() -> bool:
    original = _private(cycles, "_reachable")
    if _parameters(original) != ["from_resource", "to_resource"]:
        return False
    if not readers("_DEPENDENCIES_PROPERTY") <= {"_deps", "_add_dep"}:
        return False
    reachable, add_dep = _quick_cycles()
    nodes = [CycleNode() for _ in range(6)]
    edges = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (4, 3)]
    for one, other in edges:
        add_dep(nodes[one], nodes[other])
    return all(reachable(one, other) == original(one, other) for one in nodes for other in nodes)


class CycleNode:
    """A resource of which only the dependencies matter."""


Edge = Callable[[object, object], object]


def _cycles() -> Replacements:
    reachable, add_dep = _quick_cycles()
    return {"_reachable": reachable, "_add_dep": add_dep}


def _quick_cycles() -> tuple[Edge, Edge]:
    """Return ``_reachable`` and ``_add_dep``.

    They walk without recursion, and not at all to a resource that nothing depends on yet.
    """
    depended_on: set[object] = set()
    add, dependencies_of = _private(cycles, "_add_dep"), _private(cycles, "_deps")

    def add_dep(from_resource: object, to_resource: object) -> None:
        depended_on.add(to_resource)
        add(from_resource, to_resource)

    def reachable(from_resource: object, to_resource: object) -> bool:
        if from_resource is to_resource:
            return True
        if to_resource not in depended_on:
            return False
        seen, ahead = {from_resource}, [from_resource]
        while ahead:
            news = dependencies_of(ahead.pop()) - seen
            if to_resource in news:
                return True
            seen |= news
            ahead += news
        return False

    return reachable, add_dep


# --- source positions -----------------------------------------------------------------------------


def _finds_the_same_frame() -> bool:
    traced: list[source_pb2.StackTrace] = []
    tracers = (_private(registration, "_get_stack_trace"), _first_user_frame)

    class Inner:
        def __init__(self) -> None:
            traced.extend(tracer() for tracer in tracers)

    class Middle(Inner):
        def __init__(self) -> None:
            super().__init__()

    class Outer(Middle):
        def __init__(self) -> None:
            super().__init__()

    Outer()
    original, quick = traced
    return bool(original.frames[0] == quick.frames[0])


_CONSTRUCTORS: Final = 3


def _first_user_frame() -> source_pb2.StackTrace:
    """Return a stack trace of the only frame that is used: where a resource was declared.

    That is the caller of the outermost of three constructors: the resource's own, which calls
    ``CustomResource``'s, which calls ``Resource``'s.
    """
    frame: FrameType | None = inspect.currentframe()
    constructors = 0
    while frame is not None and constructors < _CONSTRUCTORS:
        constructors += frame.f_code.co_name == "__init__"
        frame = frame.f_back
    if frame is None:
        return source_pb2.StackTrace()
    position = _position(frame.f_code.co_filename, frame.f_lineno)
    return source_pb2.StackTrace(frames=[source_pb2.StackFrame(pc=position)])


@lru_cache(maxsize=1024)
def _position(filename: str, line: int) -> source_pb2.SourcePosition:
    frame = SimpleNamespace(filename=filename, lineno=line)
    position: source_pb2.SourcePosition = _private(registration, "_get_source_position_for_frame")(
        frame
    )
    return position


def _quick_positions() -> Replacements:
    return {"_get_stack_trace": _first_user_frame}


# --- debug messages -------------------------------------------------------------------------------


def _debug_only_logs() -> bool:
    return _parameters(pulumi.log.debug) == ["msg", "resource", "stream_id", "ephemeral"]


def _no_debug() -> Replacements:
    return {"debug": lambda *_, **__: None}


# --- what the conditions check --------------------------------------------------------------------


def _private(module: ModuleType, name: str) -> Callable[..., Any]:
    """Return a private function of the SDK. If it is gone, the patch does not fit."""
    function: Callable[..., Any] = vars(module)[name]
    return function


def _parameters(function: Callable[..., object]) -> list[str]:
    return list(inspect.signature(function).parameters)


def readers(name: str, modules: Iterable[ModuleType] | None = None) -> set[str]:
    """Return the functions of the SDK whose code mentions ``name``, by qualified name."""
    return _mentions(tuple(modules or _sdk_modules())).get(name, set())


@lru_cache(maxsize=2)  # a preview and the update after it check the same modules
def _mentions(modules: tuple[ModuleType, ...]) -> dict[str, set[str]]:
    """Return, for each name in the code of these modules, the functions that mention it."""
    found: dict[str, set[str]] = {}
    for module in modules:
        for code in _codes(module):
            for name in code.co_names:
                found.setdefault(name, set()).add(code.co_qualname.partition(".<locals>")[0])
    return found


def _sdk_modules() -> list[ModuleType]:
    return [
        module
        for name, module in list(sys.modules.items())
        if name.startswith("pulumi.")
        and not name.startswith(("pulumi.runtime.proto", "pulumi.automation"))
        and isinstance(module, ModuleType)
    ]


def _codes(module: ModuleType) -> Iterator[CodeType]:
    for value in vars(module).values():
        members = vars(value).values() if isinstance(value, type) else (value,)
        for member in members:
            code = getattr(member, "__code__", None)
            if code is not None and getattr(member, "__module__", None) == module.__name__:
                yield from _nested(code)


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


SDK_PATCHES: Final = (
    SdkPatch("alias URNs", pulumi.resource, _alias_urns_are_unread, _no_alias_urns),
    SdkPatch("alias specifications", registration, _aliases_are_prepared_alike, _quick_aliases),
    SdkPatch("waiting for outputs", pulumi.runtime.stack, _one_wait_for_outputs, _wait_for_all),
    SdkPatch("dependency cycles", cycles, _walks_the_same_graph, _cycles),
    SdkPatch("source positions", registration, _finds_the_same_frame, _quick_positions),
    SdkPatch("debug messages", pulumi.log, _debug_only_logs, _no_debug),
)
