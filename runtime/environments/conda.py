"""Translates a conda YAML document into a Python version and pip requirements, which uv installs.

Conda itself is not used. A package without a known equivalent on PyPI is a problem, and all
problems of a document are reported at once. Pure: text in, values out.
"""

import re
from dataclasses import dataclass, field
from typing import Final

import yaml

from runtime.environments.packages import PYPI_NAMES
from runtime.environments.pythons import parse_request
from runtime.environments.requirements import parse_requirements, requirement_lines

_KNOWN_KEYS: Final = ("name", "channels", "dependencies", "prefix", "variables")
_SPEC: Final = re.compile(r"(?P<name>[A-Za-z0-9_][\w.+-]*?)\s*(?P<version>[=<>!~ ].*)?")


@dataclass
class CondaDocument:
    """A parsed document; ``lines`` and ``arguments`` are passed to uv to install it."""

    python: str | None = None
    lines: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    channels: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def parse_conda(text: str) -> CondaDocument:
    """Parse a document. Everything wrong with it is in ``problems`` and ``unknown``."""
    found = CondaDocument()
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        found.problems.append(f"it is not YAML: {' '.join(str(error).split())}")
        return found
    if not isinstance(document, dict):
        found.problems.append("it is not a mapping with `dependencies`")
        return found
    extra = sorted(str(key) for key in document if key not in _KNOWN_KEYS)
    found.problems += [f"unknown key {key!r} (known: {', '.join(_KNOWN_KEYS)})" for key in extra]
    _read_channels(document.get("channels") or [], found)
    _read_variables(document.get("variables"), found)
    _read_dependencies(document.get("dependencies"), found)
    return found


def _read_channels(channels: object, found: CondaDocument) -> None:
    """Keep the channels. They are not used, but part of the identity, as in Azure ML."""
    if isinstance(channels, list):
        found.channels = tuple(map(str, channels))
    else:
        found.problems.append("`channels` is not a list")


def _read_variables(variables: object, found: CondaDocument) -> None:
    if isinstance(variables, dict):
        found.variables = {str(key): str(value) for key, value in variables.items()}
    elif variables is not None:
        found.problems.append("`variables` is not a mapping")


def _read_dependencies(dependencies: object, found: CondaDocument) -> None:
    if not isinstance(dependencies, list):
        found.problems.append("`dependencies` is not a list")
        return
    for item in dependencies:
        if isinstance(item, str):
            _read_package(item, found)
        elif isinstance(item, dict) and list(item) == ["pip"] and isinstance(item["pip"], list):
            pip = parse_requirements(requirement_lines("\n".join(map(str, item["pip"]))))
            found.lines += pip.lines
            found.arguments += pip.arguments
            found.problems += pip.problems
        else:
            found.problems.append(f"{item!r} is neither a package nor a `pip:` list")


def _read_package(item: str, found: CondaDocument) -> None:
    match = _SPEC.fullmatch(item.strip().rpartition("::")[2])
    version = _pip_version((match["version"] or "").strip()) if match else None
    if match is None or version is None:
        found.problems.append(f"{item!r} is not a package specification that pip can express")
        return
    name = match["name"].lower()
    if name == "python":
        _read_python(item, version, found)
    elif name not in PYPI_NAMES:
        found.unknown.append(item)
    elif PYPI_NAMES[name] is not None:
        found.lines.append(f"{PYPI_NAMES[name]}{version}")


def _read_python(item: str, version: str, found: CondaDocument) -> None:
    request = version.removesuffix(".*").removeprefix("==") if version else None
    if request is not None and parse_request(request) is None:
        found.problems.append(f"{item!r} is not a version of Python")
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
