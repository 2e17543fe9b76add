"""Microsoft's SDK packages in an environment, and what is installed in their place. Pure.

Where Azure ML does not host the run, a small package that travels with it answers to `azureml`.
Microsoft's packages would hide it, find no service, and hold back what else is installed.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_CORE: Final = ("python-dateutil", "pytz", "requests")
_DATA: Final = ("numpy", "pyarrow", "pyyaml")
_AUTOML: Final = (*_CORE, *_DATA, "lightgbm", "pandas", "scikit-learn", "scipy", "statsmodels")
_BRINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "azure-ml-api-sdk": (),
    "azureml-accel-models": (),
    "azureml-cli-common": (),
    "azureml-core": _CORE,
    "azureml-datadrift": ("numpy", "pandas", "scikit-learn"),
    "azureml-dataset-runtime": _DATA,
    "azureml-defaults": (*_CORE, *_DATA),
    "azureml-explain-model": ("interpret-community",),
    "azureml-interpret": ("interpret-community",),
    "azureml-mlflow": ("mlflow-skinny",),
    "azureml-model-management-sdk": (),
    "azureml-opendatasets": (*_CORE, *_DATA, "pandas", "scipy"),
    "azureml-responsibleai": (),
    "azureml-sdk": (*_CORE, *_DATA),
    "azureml-telemetry": (),
    "azureml-tensorboard": ("tensorboard",),
    "azureml-train-automl": _AUTOML,
    "azureml-train-automl-runtime": _AUTOML,
    "azureml-widgets": ("ipywidgets",),
}
"""A package of the SDK → the public libraries that scripts import through its dependencies."""
_FAMILIES: Final = (
    "azureml-automl-",
    "azureml-contrib-",
    "azureml-dataprep",
    "azureml-pipeline",
    "azureml-train-",
)
_EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    "automl": _AUTOML,
    "explain": ("interpret-community",),
    "interpret": ("interpret-community",),
    "notebooks": ("ipywidgets",),
    "pandas": ("numpy", "pandas", "pyarrow"),
    "scipy": ("scipy",),
    "tensorboard": ("tensorboard",),
}
_WHOLE: Final[Mapping[str, str]] = {"mlflow-skinny": "mlflow"}
"""A part of a distribution → the whole: both would write the same files."""
_PREVIEWS: Final = "azuremlsdktestpypi.azureedge.net"
"""The host of the SDK's preview releases, which is gone."""
_WITH_RESOURCES: Final = (1, 60)
_SETUPTOOLS: Final = "setuptools<81"
_NAME: Final = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?")
# Compiled by `re` when they are used: a command that finds a built environment needs few of them.
_PIN: Final = r"([A-Za-z0-9][\w.-]*)==([^\s;\\]+)"
_EGG: Final = r"[#&]egg=([\w.-]+)"
_FILE: Final = r"/([A-Za-z0-9][\w.]*)-[^/]*\.(?:whl|zip|tar\.gz)(?:[?#].*)?$"


@dataclass(frozen=True, slots=True)
class WithoutAzureml:
    """Requirement lines without Microsoft's. ``left_out`` are the lines that are not installed.

    ``instead`` are the libraries added to ``lines`` for what the packages would have brought.
    """

    lines: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """Return a sentence that names what is left out; ``""`` if nothing is."""
        if not self.left_out:
            return ""
        added = f"; added for what they bring: {', '.join(self.instead)}" if self.instead else ""
        return (
            f"Left out of the environment: {', '.join(self.left_out)}{added}. The run has a small"
            " `azureml` package of its own; `--keep-azureml` installs Microsoft's."
        )


def without_azureml(lines: Iterable[str]) -> WithoutAzureml:
    """Return requirement lines without those of Microsoft's SDK."""
    kept: list[str] = []
    left_out: list[str] = []
    brought: dict[str, None] = {}
    for line in lines:
        name, extras = requirement_name(line)
        if _is_sdk(name):
            left_out.append(line)
            named = (_EXTRAS.get(extra.strip().lower(), ()) for extra in extras.split(","))
            brought |= dict.fromkeys([*_BRINGS.get(name, ()), *(each for e in named for each in e)])
        elif line.startswith("-") and _PREVIEWS in line:
            left_out.append(line)
        else:
            kept.append(line)
    listed = {requirement_name(line)[0] for line in kept}
    instead = tuple(sorted(n for n in brought if not {n, _WHOLE.get(n, n)} & listed))
    return WithoutAzureml((*kept, *instead), tuple(left_out), instead)


def unpinned_sdk(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the lines that name a package of Microsoft's SDK, and no version of it."""
    return tuple(
        line for line in lines if _is_sdk(requirement_name(line)[0]) and _NAME.fullmatch(line)
    )


def with_setuptools(pins: str) -> tuple[str, ...]:
    """Return the lines of ``pins``, a resolved file, and `setuptools`; none if it is not missing.

    `azureml-core` imports `pkg_resources` up to 1.60, and does not say so. Azure ML's images have
    it, as all environments of conda had; `setuptools` has none from 81 on.
    """
    found = [match for line in pins.splitlines() if (match := re.match(_PIN, line))]
    versions = {normalized(match[1]): match[2] for match in found}
    core = re.match(r"(\d+)\.(\d+)", versions.get("azureml-core", ""))
    if core is None or "setuptools" in versions or (int(core[1]), int(core[2])) > _WITH_RESOURCES:
        return ()
    return (*(match[0] for match in found), _SETUPTOOLS)


def floors(lines: Iterable[str], pins: str) -> tuple[str, ...]:
    """Return lines that ask for the versions of ``pins``, a resolved file, or later ones."""
    pinned = (re.match(_PIN, line) for line in pins.splitlines())
    versions = {normalized(match[1]): match[2] for match in pinned if match}
    names = (requirement_name(line)[0] for line in lines)
    return tuple(f"{name}>={versions[name]}" for name in names if name in versions)


def requirement_name(line: str) -> tuple[str, str]:
    """Return the normalized name of a requirement, and its extras; two blanks for an option."""
    if line.startswith("-"):
        return "", ""
    match = re.search(_EGG, line) or ("://" in line.partition(" @ ")[0] and re.search(_FILE, line))
    if match:
        return normalized(match[1]), ""
    named = None if "://" in line.partition(" @ ")[0] else _NAME.match(line)
    return (normalized(named[1]), named[2] or "") if named else ("", "")


def normalized(name: str) -> str:
    """Return a distribution's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _is_sdk(name: str) -> bool:
    return name in _BRINGS or name.startswith(_FAMILIES)
