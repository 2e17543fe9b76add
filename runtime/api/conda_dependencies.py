"""``CondaDependencies``, as in azureml-core: the packages of an environment."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import yaml

from infra.contract.errors import DefinitionError, UsageError
from infra.contract.json_types import JsonObject
from infra.contract.load import nearest
from runtime.environments.conda_yaml import Scalar, line_of, read_yaml, write_yaml
from runtime.environments.declarations import SDK_PACKAGE, elsewhere
from runtime.environments.locking import THIS_PYTHON

__all__ = ["CondaDependencies"]

FILE_NAME: Final = "conda_dependencies.yml"
_KEYS: Final = ("name", "channels", "dependencies", "prefix", "variables")
_CHANNELS: Final = ("anaconda", "conda-forge")
_TENSORFLOW: Final = {"cpu": "tensorflow", "gpu": "tensorflow-gpu"}
_CNTK: Final = {"cpu": "cntk", "gpu": "cntk-gpu"}
_TENSORFLOW_VERSION: Final = "2.2.0"
_CNTK_VERSION: Final = "2.7"
# pip's options that add something to a list; setting another replaces it.
_REPEATABLE: Final = frozenset(
    {"--extra-index-url", "--find-links", "-f", "--trusted-host", "-r", "--requirement", "-c", "-e"}
)


class CondaDependencies:
    """The packages of an environment, as a conda document that can be changed.

    A new one has one Python, the version that runs this program, and ``azureml-defaults``; with
    ``conda_dependencies_file_path`` it is what that file holds. Adding a package replaces one of
    the same name. Raises ``DefinitionError`` for a file that is not a conda document.
    """

    def __init__(
        self,
        conda_dependencies_file_path: str | Path | None = None,
        _underlying_structure: JsonObject | None = None,
    ) -> None:
        if conda_dependencies_file_path is not None:
            self._document = _read(Path(conda_dependencies_file_path))
        elif _underlying_structure is not None:
            self._document = dict(_underlying_structure)
        else:
            self._document = _document([f"python={THIS_PYTHON}"], [SDK_PACKAGE])

    @classmethod
    def create(
        cls,
        pip_indexurl: str | None = None,
        pip_packages: Sequence[str] | None = None,
        conda_packages: Sequence[str] | None = None,
        python_version: str = THIS_PYTHON,
        pin_sdk_version: bool = True,  # noqa: ARG003 - Azure's packages have no version here
    ) -> "CondaDependencies":
        """Return the dependencies made of the given packages.

        Without ``pip_packages``, ``azureml-defaults`` is the only one; an empty list is none.
        """
        made = cls(_underlying_structure=_document([f"python={python_version}"], []))
        if pip_indexurl:
            made.set_pip_index_url(pip_indexurl)
        for package in [SDK_PACKAGE] if pip_packages is None else pip_packages:
            made.add_pip_package(package)
        for package in conda_packages or ():
            made.add_conda_package(package)
        return made

    @classmethod
    def from_text(cls, text: str, source: str = "the document") -> "CondaDependencies":
        """Return the dependencies that the text of a conda document lists."""
        return cls(_underlying_structure=_parsed(text, source))

    @property
    def conda_packages(self) -> list[str]:
        """Return the conda packages, Python among them."""
        return [item for item in self._listed if isinstance(item, str)]

    @property
    def pip_packages(self) -> list[str]:
        """Return the pip requirements, without options."""
        return [item for item in self._pip if not item.startswith("-")]

    @property
    def pip_options(self) -> list[str]:
        """Return the options among the pip requirements, such as ``--index-url URL``."""
        return [item for item in self._pip if item.startswith("-")]

    @property
    def conda_channels(self) -> list[str]:
        return [str(channel) for channel in self._document.get("channels") or ()]

    def add_conda_package(self, conda_package: str) -> None:
        package = _text(conda_package, "add_conda_package")
        others = [item for item in self._listed if not isinstance(item, str)]
        self._document["dependencies"] = [*_added(self.conda_packages, package), *others]

    def add_pip_package(self, pip_package: str) -> None:
        self._set_pip(_added(self._pip, _text(pip_package, "add_pip_package")))

    def remove_conda_package(self, conda_package: str) -> None:
        """Remove a package by name, whatever its version. One that is not there is no error."""
        gone = _name(conda_package)
        self._document["dependencies"] = [
            item for item in self._listed if not isinstance(item, str) or _name(item) != gone
        ]

    def remove_pip_package(self, pip_package: str) -> None:
        """Remove a requirement by name, whatever its version. One that is not there is no error."""
        gone = _name(pip_package)
        self._set_pip([i for i in self._pip if i.startswith("-") or _name(i) != gone])

    def add_channel(self, channel: str) -> None:
        channels = self.conda_channels
        self._document["channels"] = channels + ([] if channel in channels else [channel])

    def remove_channel(self, channel: str) -> None:
        self._document["channels"] = [each for each in self.conda_channels if each != channel]

    def get_python_version(self) -> str | None:
        """Return the version without its operator, ``None`` if Python is not listed."""
        found = next((p for p in self.conda_packages if _name(p) == "python"), None)
        return None if found is None else found.partition("python")[2].lstrip("=<>!~ ") or None

    def set_python_version(self, version: str) -> None:
        self.add_conda_package(f"python={version}")

    def set_pip_option(self, pip_option: str) -> None:
        """Set an option of pip. Options that pip collects (``--find-links``) are added."""
        option = pip_option.strip()
        name = re.split(r"[\s=]", option, maxsplit=1)[0]
        _require_option(option)
        kept = [item for item in self._pip if not _same_option(item, option, name)]
        self._set_pip([option, *kept])

    def remove_pip_option(self, pip_option: str) -> None:
        _require_option(pip_option)
        self._set_pip([item for item in self._pip if not item.startswith(pip_option.strip())])

    def set_pip_index_url(self, index_url: str) -> None:
        """Set pip's index, given as its URL or as the option ``--index-url URL``."""
        if not isinstance(index_url, str):
            raise UsageError(
                f"The index of pip is {index_url!r}, which is not a URL.",
                remedy="Name the parameters: pip_indexurl comes first, then pip_packages and"
                " conda_packages.",
            )
        given = index_url if index_url.startswith("-") else f"--index-url {index_url}"
        self.set_pip_option(given)

    def set_pip_requirements(self, pip_requirements: Iterable[str]) -> None:
        """Replace all pip requirements and options."""
        self._set_pip([_text(each, "set_pip_requirements") for each in pip_requirements])

    def add_tensorflow_conda_package(
        self, core_type: str = "cpu", version: str | None = None
    ) -> None:
        name = _core(_TENSORFLOW, core_type)
        self.add_conda_package(f"{name}={version or _TENSORFLOW_VERSION}")

    def add_tensorflow_pip_package(
        self, core_type: str = "cpu", version: str | None = None
    ) -> None:
        name = _core(_TENSORFLOW, core_type)
        self.add_pip_package(f"{name}=={version or _TENSORFLOW_VERSION}")

    def add_cntk_package(self, core_type: str = "cpu") -> None:
        self.add_pip_package(f"{_core(_CNTK, core_type)}=={_CNTK_VERSION}")

    @staticmethod
    def merge_requirements(requirements: Iterable[str]) -> list[str]:
        """Return the requirements with one of each name, the last that is listed."""
        merged: list[str] = []
        for each in requirements:
            merged = _added(merged, each)
        return merged

    def as_dict(self) -> JsonObject:
        """Return a copy of the conda document."""
        return {
            key: [dict(i) if isinstance(i, dict) else i for i in v] if isinstance(v, list) else v
            for key, v in self._document.items()
        }

    def serialize_to_string(self) -> str:
        """Return the conda document as YAML."""
        return write_yaml(self._document)

    def save(self, path: str | Path | None = None) -> str:
        """Write the document to ``path``, a file or a folder, and return the file."""
        wanted = Path(path or ".")
        file = wanted / FILE_NAME if wanted.is_dir() else wanted
        file.write_text(self.serialize_to_string(), encoding="utf-8")
        return str(file)

    def save_to_file(self, base_directory: str | Path, conda_file_path: str | None = None) -> str:
        """Write the document below ``base_directory`` and return its path there."""
        relative = conda_file_path or FILE_NAME
        file = Path(base_directory) / relative
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.serialize_to_string(), encoding="utf-8")
        return relative

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CondaDependencies) and self._document == other._document

    __hash__ = None  # type: ignore[assignment] # it can be changed

    def __repr__(self) -> str:
        return f"CondaDependencies(conda={self.conda_packages!r}, pip={self.pip_packages!r})"

    @property
    def _listed(self) -> list[str | dict[str, list[str]]]:
        return list(self._document.get("dependencies") or ())

    @property
    def _pip(self) -> list[str]:
        return next((list(i["pip"] or ()) for i in self._listed if isinstance(i, dict)), [])

    def _set_pip(self, items: list[str]) -> None:
        """Replace the pip list where it is, or add it at the end."""
        listed = self._listed
        place = next((n for n, item in enumerate(listed) if isinstance(item, dict)), len(listed))
        listed[place : place + 1] = [{"pip": items}] if items else []
        self._document["dependencies"] = listed


def _document(conda: list[str], pip: list[str]) -> JsonObject:
    return {
        "name": "project_environment",
        "dependencies": [*conda, *([{"pip": pip}] if pip else [])],
        "channels": list(_CHANNELS),
    }


def _read(file: Path) -> JsonObject:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(
            f"The conda file cannot be read: {error}.",
            remedy=elsewhere(file, "`{}`")
            or "Give the path of a conda YAML file, relative to the working folder.",
            at=str(file),
        ) from error
    return _parsed(text, str(file))


def _parsed(text: str, source: str) -> JsonObject:
    problems: list[str] = []
    try:
        found = read_yaml(text)
    except (yaml.YAMLError, ValueError) as error:
        found = {}
        problems.append(f"it is not YAML: {' '.join(str(error).split())}")
    if not isinstance(found, dict):
        found = {}
        problems.append("it is not a mapping with `dependencies`")
    document = {str(key): _plain(value, problems) for key, value in found.items()}
    known = dict.fromkeys(_KEYS)
    problems += [
        f"{line_of(key)}unknown key {str(key)!r}. {nearest(str(key), known, noun='key')}"
        for key in found
        if str(key) not in known
    ]
    if not isinstance(document.setdefault("dependencies", []), list | None):
        problems.append("`dependencies` is not a list")
    if problems:
        raise DefinitionError("\n".join(problems), remedy="Fix the conda file.", at=source)
    return document


def _plain(value: object, problems: list[str]) -> object:
    """Return a value of the document as text, lists and mappings of text; blanks are dropped."""
    if isinstance(value, dict):
        return {str(key): _scalar(v) or _plain(v, problems) for key, v in value.items()}
    if not isinstance(value, list):
        return _scalar(value) or None
    kept = []
    for item in value:
        if isinstance(item, Scalar) and not item.blank:
            problems.append(f"{line_of(item)}{item} is {item.kind} in YAML; write it in quotes")
        elif not isinstance(item, Scalar):
            kept.append(_plain(item, problems))
    return kept


def _scalar(value: object) -> str:
    return str(value) if isinstance(value, str | Scalar) else ""


def _added(items: list[str], package: str) -> list[str]:
    """Return the items with ``package`` in the place of one of the same name, or at the end."""
    name = _name(package)
    places = [n for n, item in enumerate(items) if not item.startswith("-") and _name(item) == name]
    kept = [item for n, item in enumerate(items) if n not in places]
    return [*kept[: places[0]], package, *kept[places[0] :]] if places else [*items, package]


def _name(package: str) -> str:
    """Return a package's name without channel, extras, version and markers, as PyPI compares it."""
    if "://" in package and " @ " not in package:
        egg = re.search(r"#egg=([\w.-]+)", package)
        return egg[1].lower() if egg else package
    bare = re.split(r"[=<>!~\[; @]", package.strip().rpartition("::")[2], maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", bare).lower()


def _text(value: object, method: str) -> str:
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise UsageError(
        f"{method} takes a package as text, and was given {value!r}.",
        remedy="Pass one package at a time, as in `add_pip_package('numpy==1.26')`.",
    )


def _core(names: dict[str, str], core_type: str) -> str:
    if core_type in names:
        return names[core_type]
    raise UsageError(f"core_type is {core_type!r}.", remedy=f"Use {' or '.join(map(repr, names))}.")


def _require_option(option: str) -> None:
    if not option.strip().startswith("-"):
        raise UsageError(
            f"{option!r} is not an option of pip.",
            remedy="Write it with its dashes, as in `--index-url https://…`.",
        )


def _same_option(item: str, option: str, name: str) -> bool:
    if name in _REPEATABLE:
        return item == option
    return re.split(r"[\s=]", item, maxsplit=1)[0] == name
