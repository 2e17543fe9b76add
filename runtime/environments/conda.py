"""Translates a conda YAML document into a Python version and pip requirements, which uv installs.

Conda itself is not used here. A package without a known equivalent on PyPI is a problem unless
conda installs the document, and all problems of a document are reported at once. Pure.
"""

import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

import yaml

from runtime.environments.conda_yaml import Scalar, Text, line_of, read_yaml, write_yaml
from runtime.environments.packages import pypi_name
from runtime.environments.pythons import parse_request
from runtime.environments.requirements import parse_requirements, requirement_lines
from runtime.environments.resolved import ResolvedLock, locked_pins

_KNOWN_KEYS: Final = ("name", "channels", "dependencies", "prefix", "variables")
_NOTHING: Final = "nothing"
_SPEC: Final = re.compile(r"(?P<name>[A-Za-z0-9_][\w.+-]*?)\s*(?P<version>[=<>!~ ].*)?")


@dataclass
class CondaDocument:
    """A parsed document; ``lines`` and ``arguments`` are passed to uv to install it.

    ``packages`` and ``pip`` are what conda installs, as they are written. ``problems`` are always
    in the way; ``unknown`` (packages without an equivalent) and ``inexpressible`` only for uv, for
    the packages in ``only_conda``.
    """

    python: str | None = None
    lines: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    channels: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    inexpressible: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)
    pip: list[str] = field(default_factory=list)
    only_conda: list[str] = field(default_factory=list)

    def document(
        self, *, python: str | None, pip: Sequence[str], exact: ResolvedLock | None
    ) -> str:
        """Return the document for conda, with another Python, if any, and other requirements.

        With ``exact``, the packages are the locked ones; the channels are always the declared ones.
        """
        channels = {"channels": list(self.channels)} if self.channels else {}
        if exact is not None:
            return write_yaml({**channels, "dependencies": _locked_items(exact, pip)})
        packages = [each for each in self.packages if not python or _name_of(each) != "python"]
        if python:
            packages = [f"python={python}" if python[0].isdigit() else f"python{python}", *packages]
        if pip and not any(_name_of(each) == "pip" for each in packages):
            packages.append("pip")
        items: list[object] = [*packages, *([{"pip": list(pip)}] if pip else [])]
        return write_yaml({**channels, "dependencies": items})


def _locked_items(exact: ResolvedLock, declared: Sequence[str]) -> list[object]:
    """Return the dependencies of a lock, with the options and credentials of the declared ones."""
    items: list[object] = yaml.safe_load(exact.body)["dependencies"]
    return [
        {"pip": list(locked_pins(item["pip"], declared))} if isinstance(item, dict) else item
        for item in items
    ]


def _name_of(package: str) -> str:
    match = _SPEC.fullmatch(package.strip().rpartition("::")[2])
    return match["name"].lower() if match else ""


def parse_conda(text: str) -> CondaDocument:
    """Parse a document. Everything wrong with it is in ``problems`` and the other two lists."""
    found = CondaDocument()
    try:
        document = read_yaml(text)
    except (yaml.YAMLError, ValueError) as error:
        found.problems.append(f"it is not YAML: {' '.join(str(error).split())}")
        return found
    if not isinstance(document, dict):
        found.problems.append("it is not a mapping with `dependencies`")
        return found
    found.problems += [
        f"{line_of(key)}unknown key {str(key)!r}{_nearest_key(str(key))}"
        for key in document
        if str(key) not in _KNOWN_KEYS
    ]
    _read_channels(_value(document, "channels"), found)
    _read_variables(_value(document, "variables"), found)
    _read_dependencies(_value(document, "dependencies"), found)
    return found


def _nearest_key(key: str) -> str:
    close = get_close_matches(key.lower(), _KNOWN_KEYS, n=1)
    known = f" (known: {', '.join(_KNOWN_KEYS)})"
    return f"; did you mean {close[0]!r}?" if close else known


def texts_of(items: Sequence[object], noun: str, problems: list[str]) -> list[Text]:
    """Return the texts of a list. A blank item is none; anything else that is not text a problem.

    YAML reads ``1.10``, ``yes`` and ``2024-01-01`` as something else, and nobody means what
    ``str`` would make of it.
    """
    texts = []
    for item in items:
        if isinstance(item, Text):
            texts += [item] if item.strip() else []
        elif not isinstance(item, Scalar):
            problems.append(f"{line_of(item)}{_short(item)} is not text, and cannot be {noun}")
        elif not item.blank:
            problems.append(
                f"{line_of(item)}{item} is {item.kind} in YAML, not {noun}; write it in quotes"
            )
    return texts


def _value(document: Mapping[object, object], key: str) -> object:
    """Return a value of the document, ``None`` for a blank one."""
    value = document.get(key)
    return None if isinstance(value, Scalar) and value.kind == _NOTHING else value


def _read_channels(channels: object, found: CondaDocument) -> None:
    """Keep the channels. They are not used, but part of the identity, as in Azure ML."""
    if isinstance(channels, list):
        found.channels = tuple(map(str, texts_of(channels, "a channel", found.problems)))
    elif channels is not None:
        found.problems.append("`channels` is not a list")


def _read_variables(variables: object, found: CondaDocument) -> None:
    """Keep the variables, as they are written: ``true`` stays ``true``, a blank is empty."""
    if isinstance(variables, dict):
        for key, value in variables.items():
            if isinstance(value, dict | list):
                found.problems.append(f"{line_of(key)}variable {key} is not text")
            else:
                found.variables[str(key)] = str(value)
    elif variables is not None:
        found.problems.append("`variables` is not a mapping")


def _read_dependencies(dependencies: object, found: CondaDocument) -> None:
    if not isinstance(dependencies, list):
        found.problems.append("`dependencies` is not a list")
        return
    for item in dependencies:
        if isinstance(item, dict):
            _read_pip(item, found)
        else:
            for text in texts_of([item], "a package", found.problems):
                _read_package(text, found)


def _read_pip(item: Mapping[object, object], found: CondaDocument) -> None:
    listed = _value(item, "pip")
    if list(item) != ["pip"] or not isinstance(listed, list | None):
        found.problems.append(
            f"{line_of(item)}{_short(item)} is neither a package nor a `pip:` list"
        )
        return
    texts = texts_of(listed or (), "a requirement", found.problems)
    for text in texts:
        listed_lines = requirement_lines(text)
        found.pip += listed_lines
        pip = parse_requirements(listed_lines, line_of(text))
        found.lines += pip.lines
        found.arguments += pip.arguments
        found.problems += pip.problems


def _short(item: object) -> str:
    shown = reprlib.Repr()
    shown.maxlevel, shown.maxstring = 2, 80
    return shown.repr(item)


def _read_package(item: Text, found: CondaDocument) -> None:
    found.packages.append(str(item).strip())
    match = _SPEC.fullmatch(item.strip().rpartition("::")[2])
    version = _pip_version((match["version"] or "").strip()) if match else None
    if match is None or version is None:
        found.only_conda.append(str(item))
        found.inexpressible.append(
            f"{line_of(item)}{item!r} is not a package specification that pip can express"
        )
        return
    name = match["name"].lower()
    known, equal = pypi_name(name)
    if name == "python":
        _read_python(item, version, found)
    elif not known:
        found.only_conda.append(str(item))
        found.unknown.append(f"{item} (line {item.line})")
    elif equal is not None:
        found.lines.append(f"{equal}{version}")


def _read_python(item: Text, version: str, found: CondaDocument) -> None:
    request = version.removesuffix(".*").removeprefix("==") if version else None
    if request is not None and parse_request(request) is None:
        found.problems.append(f"{line_of(item)}{item!r} is not a version of Python")
        return
    found.python = request


def _pip_version(text: str) -> str | None:
    """Return conda's version constraint in pip's syntax; ``None`` if pip cannot express it.

    ``=1.2`` is a prefix in conda (``==1.2.*``); with a build (``=1.2=py36_0``) it is exact.
    """
    if not text:
        return ""
    if re.search(r"[|\[\]()]", text):
        return None
    if text[0].isalnum():
        text = "=" + text  # in conda, `numpy 1.11` is the same as `numpy=1.11`
    match = re.fullmatch(r"=\s*([\w.!+]+?)(\.?\*)?(?:[= ]\s*([\w.*]+))?", text)
    if match:
        exact = match[3] not in (None, "*") and match[2] is None
        return f"=={match[1]}" if exact else f"=={match[1]}.*"
    match = re.fullmatch(r"==\s*([\w.!+*]+)(?:[= ]\s*[\w.*]+)?", text)
    if match:
        return f"=={match[1]}"
    return re.sub(r"\s+", "", text) if re.fullmatch(r"[\w.!=<>~*+, ]+", text) else None
