"""Locks declared environments: gives them an identity, and the requirements to install.

The identity is a hash of the normalized document and the Python version; comments and the
environment's name and version are not part of it (Azure ML's rule). Nothing is resolved.
"""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Final, Protocol

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
    exact versions to install; without it, they are resolved when it is built. ``conda`` is the
    document that conda installs; without it, uv installs ``lines``.
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
    conda: str | None = None

    @property
    def unresolved_key(self) -> str:
        """Return the name under which it is built when nobody asks for exact versions."""
        return f"{self.hash}-conda" if self.conda else self.hash

    @property
    def key(self) -> str:
        """Return the name under which it is built: one for each set of exact versions."""
        exact = f"-{self.resolved.digest[:12]}" if self.resolved else ""
        return f"{self.unresolved_key}{exact}"


class CondaDocument(Protocol):
    """What is used of a parsed conda document, whose module imports YAML."""

    python: str | None
    lines: list[str]
    arguments: list[str]
    channels: tuple[str, ...]
    variables: dict[str, str]
    problems: list[str]
    unknown: list[str]
    inexpressible: list[str]
    pip: list[str]
    only_conda: list[str]

    def document(
        self, *, python: str | None, pip: Sequence[str], exact: ResolvedLock | None
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class _Content:
    """A normalized document: a requirements file equals the conda file that lists the same."""

    python: str | None
    lines: tuple[str, ...]
    arguments: tuple[str, ...]
    channels: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


def lock(
    spec: EnvironmentSpec, *, default_python: str = THIS_PYTHON, with_conda: bool = False
) -> LockedEnvironment:
    """Lock a declared environment.

    ``default_python`` is used if neither the document nor the user gives a version.
    ``with_conda``: conda installs a conda document, so that every package of conda is known. Raises
    ``DefinitionError`` with every problem of the document. Check ``spec.kind`` first: a
    user-managed environment has nothing to lock.
    """
    if spec.lock and ResolvedLock(spec.lock).is_conda and not with_conda:
        raise DefinitionError(
            "The versions to install are those of conda, which is not on this machine.",
            remedy="Install micromamba, mamba or conda, or resolve again with `--fresh`.",
            at=spec.source,
        )
    problems = []
    if spec.python is not None and parse_request(spec.python) is None:
        problems.append(f"{spec.python!r} is not a version of Python")
    found = _parsed(spec) if spec.kind == "conda" else None
    content = _conda(found, problems, with_conda=with_conda) if found else _pip(spec, problems)
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
            remedy="Fix the environment file. Packages that only conda has are installed where"
            " micromamba, mamba or conda is on PATH.",
            at=spec.source,
        )
    python = spec.python or content.python or default_python
    conda = None
    if found and with_conda and (resolved is None or resolved.is_conda):
        pip = found.pip if spec.keep_azureml else without_azureml(found.pip).lines
        conda = found.document(
            python=spec.python or (None if found.python else default_python),
            pip=pip,
            exact=resolved,
        )
    return LockedEnvironment(
        hash=_hash(content, python, _image(spec), found.only_conda if found else ()),
        python=python,
        lines=content.lines,
        arguments=content.arguments,
        variables={**content.variables, **spec.variables},
        source=spec.source,
        overridden=content.python if spec.python and spec.python != content.python else None,
        notes=(redacted(note),) if note else (),
        resolved=resolved,
        conda=conda,
    )


def _parsed(spec: EnvironmentSpec) -> CondaDocument:
    text = "\n" * spec.lines_above + (spec.conda or "")  # so that messages have the file's lines
    found: CondaDocument = load("runtime.environments.conda:parse_conda")(text)
    return found


def _conda(found: CondaDocument, problems: list[str], *, with_conda: bool) -> _Content:
    problems += found.problems if with_conda else [*found.problems, *found.inexpressible]
    if found.unknown and not with_conda:
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


def _hash(
    content: _Content, python: str, image: JsonObject | None, only_conda: Sequence[str]
) -> str:
    more = [image] if image else []
    more += [{"conda": list(only_conda)}] if only_conda else []
    document = [_FORMAT, python, asdict(replace(content, python=None)), *more]
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
