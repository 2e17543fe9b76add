"""Locks declared environments: gives them an identity, and the requirements to install.

The identity is a hash of the normalized document and the Python version; comments and the
environment's name and version are not part of it (Azure ML's rule). Nothing is resolved.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from infra.contract.errors import DefinitionError
from infra.contract.json_types import JsonObject
from infra.contract.load import load
from runtime.environments.azureml_packages import without_azureml
from runtime.environments.pythons import parse_request
from runtime.environments.requirements import parse_requirements, requirement_lines
from runtime.environments.resolved import ResolvedLock, without_credentials
from runtime.model.environments import EnvironmentSpec
from runtime.model.redaction import redacted

THIS_PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
_FORMAT: Final = 1
"""Increment it if a change of how environments are built requires rebuilding them."""


@dataclass(frozen=True, slots=True)
class LockedEnvironment:
    """An environment with an identity. ``python`` is a version request: ``3.11``, ``>=3.9``.

    ``lines`` are pip requirements and options in order; ``arguments`` are for uv's command line.
    ``variables`` are set for what runs in it. ``overridden`` is the document's Python version if
    ``--python-version`` overrides it. ``notes`` are sentences for the user. ``resolved`` are the
    exact versions to install; without it, they are resolved when it is built.
    """

    hash: str
    python: str
    lines: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    source: str | None = None
    overridden: str | None = None
    notes: tuple[str, ...] = ()
    resolved: ResolvedLock | None = None

    @property
    def key(self) -> str:
        """Return the name under which it is built: one for each set of exact versions."""
        return f"{self.hash}-{self.resolved.digest[:12]}" if self.resolved else self.hash


@dataclass(frozen=True, slots=True)
class _Content:
    """A normalized document: a requirements file equals the conda file that lists the same."""

    python: str | None
    lines: tuple[str, ...]
    arguments: tuple[str, ...]
    channels: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


def lock(spec: EnvironmentSpec, *, default_python: str = THIS_PYTHON) -> LockedEnvironment:
    """Lock a declared environment.

    ``default_python`` is used if neither the document nor the user gives a version. Raises
    ``DefinitionError`` with every problem of the document. Check ``spec.kind`` first: a
    user-managed environment has nothing to lock.
    """
    problems = []
    if spec.python is not None and parse_request(spec.python) is None:
        problems.append(f"{spec.python!r} is not a version of Python")
    content = _conda(spec, problems) if spec.kind == "conda" else _pip(spec, problems)
    note = ""
    if not spec.keep_azureml:
        without = without_azureml(content.lines)
        content, note = replace(content, lines=without.lines), without.note
    resolved = ResolvedLock(spec.lock) if spec.lock else None
    problems += [
        f"the credentials of {line} are not kept: give the environment file with `-d FILE`"
        for line in (without_credentials(resolved, content.lines) if resolved else ())
    ]
    if problems:
        raise DefinitionError(
            redacted("\n".join(problems)),
            remedy="Fix the environment file; packages that only conda has cannot be installed.",
            at=spec.source,
        )
    python = spec.python or content.python or default_python
    return LockedEnvironment(
        hash=_hash(content, python, _image(spec)),
        python=python,
        lines=content.lines,
        arguments=content.arguments,
        variables={**content.variables, **spec.variables},
        source=spec.source,
        overridden=content.python if spec.python and spec.python != content.python else None,
        notes=(redacted(note),) if note else (),
        resolved=resolved,
    )


def _conda(spec: EnvironmentSpec, problems: list[str]) -> _Content:
    found = load("runtime.environments.conda:parse_conda")(spec.conda or "")
    problems += found.problems
    if found.unknown:
        listed = ", ".join(found.unknown)
        problems.append(
            f"no PyPI equivalent is known for: {listed} (if it is on PyPI, list it under `pip:`)"
        )
    lines, arguments = tuple(found.lines), tuple(found.arguments)
    return _Content(found.python, lines, arguments, found.channels, found.variables)


def _pip(spec: EnvironmentSpec, problems: list[str]) -> _Content:
    if spec.kind != "pip":
        raise AssertionError("a user-managed environment has nothing to lock")
    found = parse_requirements(requirement_lines(spec.requirements or ""))
    problems += found.problems
    return _Content(None, found.lines, found.arguments)


def _image(spec: EnvironmentSpec) -> JsonObject | None:
    """Return the identity of the base image. Only a build context is read from disk."""
    if spec.image is None:
        return None
    identity: JsonObject = load("runtime.environments.images:image_identity")(spec.image)
    return identity


def _hash(content: _Content, python: str, image: JsonObject | None) -> str:
    document = [_FORMAT, python, asdict(replace(content, python=None)), *([image] if image else [])]
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
