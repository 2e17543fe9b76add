"""A misspelt keyword names the nearest parameter, where Python names the function alone.

Done to a class when it is handed out by its public name, with its bases and what its module has
beside it: whoever writes a method need not think of it.
"""

import inspect
import sys
from collections.abc import Callable
from difflib import get_close_matches
from functools import wraps
from types import FunctionType
from typing import Any, Final

from infra.contract.load import load
from runtime.api.sections import refuse_unknown

__all__: list[str] = []
_OURS: Final = ("runtime.api.", "runtime.agent.assets.")
_IGNORED: Final = "_"
"""How methods name the keywords that they ignore."""
_SLIP: Final = 0.75
_CREATORS: Final = frozenset({"__init__", "__new__"})
_CHECKED: Final = set[type]()


def public(path: str) -> Any:
    """Return ``module:name``, whose classes name the nearest parameter from now on."""
    found = load(path)
    for each in (found, *vars(sys.modules[path.partition(":")[0]]).values()):
        if isinstance(each, type):
            _check(each)
    return found


def _check(kind: type) -> None:
    for base in kind.__mro__:
        if base in _CHECKED or not base.__module__.startswith(_OURS):
            continue
        _CHECKED.add(base)
        for name, member in [*vars(base).items()]:
            if name in _CREATORS or not name.startswith("_"):
                _replace(base, name, member)


def _replace(kind: type, name: str, member: object) -> None:
    """Replace a method, whatever it is bound to, by one that knows its parameters."""
    bound = type(member) if isinstance(member, classmethod | staticmethod) else None
    function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
    if not isinstance(function, FunctionType) or _rest(function) not in {"", _IGNORED}:
        return
    wrapped = _knowing(function, "" if name in _CREATORS else f"{kind.__name__}.{name}")
    setattr(kind, name, wrapped if bound is None else bound(wrapped))


def _rest(function: FunctionType) -> str:
    """Return the name of the parameter that takes any other keyword, ``""`` if there is none."""
    code = function.__code__
    if not code.co_flags & inspect.CO_VARKEYWORDS:
        return ""
    several = bool(code.co_flags & inspect.CO_VARARGS)
    return code.co_varnames[code.co_argcount + code.co_kwonlyargcount + several]


def _made(first: object) -> str:
    """Return the name of the class that makes an object: of ``cls``, or of ``self``."""
    return (first if isinstance(first, type) else type(first)).__name__


def _knowing(function: FunctionType, owner: str) -> Callable[..., object]:
    """Return a method that refuses unknown keywords; ``owner`` is ``""`` for a constructor."""
    code = function.__code__
    names = code.co_varnames[code.co_posonlyargcount : code.co_argcount + code.co_kwonlyargcount]
    known = frozenset(names)
    told = [each for each in names if each not in {"self", "cls"} and not each.startswith("_")]
    ignores = bool(_rest(function))

    @wraps(function)
    def checked(*given: object, **named: object) -> object:
        if not known.issuperset(named):
            unknown = [each for each in named if each not in known]
            # What azureml-core has besides and means nothing here is ignored; a slip is not.
            wrong = [each for each in unknown if get_close_matches(each, told, cutoff=_SLIP)]
            refuse_unknown(owner or _made(given[0]), wrong if ignores else unknown, told)
        return function(*given, **named)

    return checked
