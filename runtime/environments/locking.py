"""Declared → locked: the identity of an environment, and what has to be installed for it.

The identity is a hash over the parsed document, brought to one form, and the Python version;
neither comments nor name and version of the environment count (Azure ML's rule). Pure: nothing is
looked up anywhere.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from infra.contract.errors import DefinitionError
from runtime.environments.conda import parse_conda
from runtime.environments.pythons import parse_request
from runtime.environments.requirements import parse_requirements, requirement_lines
from runtime.model.runs import EnvironmentSpec

THIS_PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
_FORMAT: Final = 1
"""Counts up when the same document has to be built anew, because building changed."""


@dataclass(frozen=True, slots=True)
class LockedEnvironment:
    """An environment with an identity. ``python`` is a version request: ``3.11``, ``>=3.9``.

    ``lines`` are pip requirements and options in order; ``arguments`` are for uv's command line.
    ``variables`` are given to what runs in it. ``overridden`` holds what the document asked for
    where ``--python-version`` said otherwise.
    """

    hash: str
    python: str
    lines: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    source: str | None = None
    overridden: str | None = None


@dataclass(frozen=True, slots=True)
class _Content:
    """A document in its one form: a requirements file equals the conda file that lists it."""

    python: str | None
    lines: tuple[str, ...]
    arguments: tuple[str, ...]
    channels: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


def lock(spec: EnvironmentSpec, *, default_python: str = THIS_PYTHON) -> LockedEnvironment:
    """Give a declared environment its identity.

    ``default_python`` is used where neither the document nor the person names a version. Raises
    ``DefinitionError`` with every problem of the document. A user-managed environment has nothing
    to lock and is refused: ask ``spec.kind`` first.
    """
    problems = []
    if spec.python is not None and parse_request(spec.python) is None:
        problems.append(f"{spec.python!r} is not a version of Python")
    content = _conda(spec, problems) if spec.kind == "conda" else _pip(spec, problems)
    if problems:
        raise DefinitionError(
            "\n".join(problems),
            remedy="Correct the environment file; what conda alone has cannot be installed here.",
            at=spec.source,
        )
    python = spec.python or content.python or default_python
    return LockedEnvironment(
        hash=_hash(content, python),
        python=python,
        lines=content.lines,
        arguments=content.arguments,
        variables={**content.variables, **spec.variables},
        source=spec.source,
        overridden=content.python if spec.python and spec.python != content.python else None,
    )


def _conda(spec: EnvironmentSpec, problems: list[str]) -> _Content:
    found = parse_conda(spec.conda or "")
    problems += found.problems
    if found.unknown:
        listed = ", ".join(found.unknown)
        problems.append(
            f"no equal on PyPI is known for: {listed} (if PyPI has it, move it to the `pip:` list)"
        )
    lines, arguments = tuple(found.lines), tuple(found.arguments)
    return _Content(found.python, lines, arguments, found.channels, found.variables)


def _pip(spec: EnvironmentSpec, problems: list[str]) -> _Content:
    if spec.kind != "pip":
        raise AssertionError("a user-managed environment has nothing to lock")
    found = parse_requirements(requirement_lines(spec.requirements or ""))
    problems += found.problems
    return _Content(None, found.lines, found.arguments)


def _hash(content: _Content, python: str) -> str:
    document = [_FORMAT, python, asdict(replace(content, python=None))]
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
