"""The parameter that a script meant where it gave one of ours that does not exist.

Python names the parameter and the function, and neither the class that the script imported nor the
nearest parameter.
"""

import re
from collections.abc import Iterator, Mapping
from inspect import Parameter, signature
from types import ModuleType
from typing import Final

from infra.contract.load import nearest

_UNEXPECTED: Final = re.compile(r"([\w.]+)\(\) got an unexpected keyword argument '(\w+)'")
_OURS: Final = "runtime."
_NAMED: Final = frozenset({Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY})


def parameter_meant(error: BaseException, names: Mapping[str, object]) -> str:
    """Return a sentence with the nearest parameter, ``""`` if the error is another.

    ``names`` are the variables where the call was.
    """
    found = _UNEXPECTED.match(str(error)) if isinstance(error, TypeError) else None
    if found is None:
        return ""
    owner, _, method = found[1].rpartition(".")
    kind = next((each for each in _classes(names) if each.__qualname__ == owner), None)
    function = getattr(kind, method, None)
    if kind is None or function is None or not kind.__module__.startswith(_OURS):
        return ""
    given = signature(function).parameters.values()
    known = [p.name for p in given if p.kind in _NAMED and p.name != "self"]
    return nearest(found[2], dict.fromkeys(known), noun="parameter")


def _classes(names: Mapping[str, object]) -> Iterator[type]:
    """Yield the classes that are within reach: of values, modules, and attributes of classes."""
    for value in [*names.values()]:
        found = [*vars(value).values()] if isinstance(value, ModuleType) else [value]
        inside = [
            inner for each in found if isinstance(each, type) for inner in vars(each).values()
        ]
        for each in (*found, *inside):
            yield from (each if isinstance(each, type) else type(each)).__mro__
