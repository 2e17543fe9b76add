"""The Python interface of aml-platform: ``from aml_platform import Workspace, Experiment, …``.

Names are those of azureml-core. Each is imported from ``runtime.api`` when it is first used, so
that importing this package costs next to nothing. Component resources for Pulumi programs are in
``aml_platform.components``.
"""

from aml_platform import _own_packages as _own_packages  # first: it raises if `infra` is not ours
from infra.contract.load import load as _load

# Each public name, and the module of `runtime.api` that has it; `__init__.pyi` says the same to
# type checkers.
_MODULES = {
    "ComputeTarget": "compute_target",
    "CondaDependencies": "conda_dependencies",
    "Environment": "environment",
    "Experiment": "experiment",
    "PythonSection": "environment",
    "Run": "run",
    "RunConfiguration": "run_configuration",
    "RunDetails": "run",
    "ScriptRunConfig": "script_run_config",
    "Workspace": "workspace",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = _load(f"runtime.api.{_MODULES[name]}:{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
