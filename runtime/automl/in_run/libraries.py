"""FLAML, and what it does without: LightGBM needs a library of the system's."""

import sys
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Final, cast

_LIGHTGBM: Final = "lightgbm"


def _absent() -> Mapping[str, str]:
    """Return the learners that cannot be used here, and why; FLAML is told before it looks."""
    try:
        import_module(_LIGHTGBM)
    except OSError as error:  # slim images have no libgomp.so.1
        sys.modules[_LIGHTGBM] = cast("ModuleType", None)
        return {"lgbm": f"{error} (Debian and Ubuntu: `apt-get install libgomp1`)"}
    return {}


ABSENT: Final = _absent()
AutoML: Final[Any] = import_module("flaml").AutoML
task_factory: Final[Any] = import_module("flaml.automl.task.factory").task_factory
