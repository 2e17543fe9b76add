"""Loads a stack file into ``StackSpec``, or reports every problem with its line."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.errors import SpecError
from infra.spec.document import StackDocument, parse_document
from infra.spec.inheritance import extended, read_stack_document
from infra.spec.problems import (
    MISSING,
    NO_KIND,
    NOT_EXTENDED,
    UNREADABLE,
    Location,
    Problem,
    file_error,
    path_text,
)
from infra.spec.program import ProgramSpec
from infra.spec.reading import ConfigReading, LocatedProblem, read_program_values, read_values
from infra.spec.stack import KEYS, StackSpec

_FIELDS: Final = {key: name for name, key in KEYS.items()}


@dataclass(frozen=True, slots=True)
class Inspection:
    """The result of checking a stack file without its passphrase.

    ``spec`` is ``None`` if there are problems, or if a value other than a credential is encrypted;
    ``sealed`` has the paths of those values.
    """

    spec: StackSpec | ProgramSpec | None
    problems: tuple[Problem, ...]
    sealed: tuple[str, ...] = ()


def inspect_stack(file: Path) -> Inspection:
    """Check the file; raises ``SpecError`` only if it does not exist."""
    return _inspection(read_stack_document(file))


def inspect_text(text: str, folder: Path | None = None) -> Inspection:
    """Check the text of a stack file; what it extends is in ``folder``."""
    return _inspection(extended(parse_document(text), folder))


def load_stack(file: Path) -> StackSpec:
    """Return the spec in ``file``; raise ``StackFileError`` with all problems."""
    found = inspect_stack(file)
    if found.problems:
        raise file_error(found.problems, file)
    if not isinstance(found.spec, StackSpec):
        raise SpecError(
            f"Only credentials can be encrypted, and not {', '.join(found.sealed)}.",
            remedy="Store it as it is, with `aml config set --plaintext --path`.",
            at=str(file),
        )
    return found.spec


def inspect_program_stack(file: Path) -> Inspection:
    """Check the keys of this product in the stack file of another program."""
    return _program_inspection(read_stack_document(file))


def inspect_program_text(text: str, folder: Path | None = None) -> Inspection:
    """Check the keys of this product in the text of another program's stack file."""
    return _program_inspection(extended(parse_document(text), folder))


def _program_inspection(document: StackDocument) -> Inspection:
    if _is_unreadable(document):
        return Inspection(None, tuple(document.problems))
    spec, findings = read_program_values(document.config)
    problems = [*document.problems, *_problems(document, findings)]
    return Inspection(None if problems else spec, tuple(problems))


def load_program_stack(file: Path) -> ProgramSpec:
    """Return the values of this product in the stack file of another program.

    Raises ``StackFileError`` with all problems.
    """
    found = inspect_program_stack(file)
    if not isinstance(found.spec, ProgramSpec):
        raise file_error(found.problems, file)
    return found.spec


def _is_unreadable(document: StackDocument) -> bool:
    return any(problem.code == UNREADABLE for problem in document.problems)


def _problems(document: StackDocument, findings: Iterable[LocatedProblem]) -> list[Problem]:
    # What a file lacks may be in the one that it extends, if that cannot be read.
    is_whole = all(problem.code != NOT_EXTENDED for problem in document.problems)
    return [
        Problem(
            path_text(f.location),
            f"{f.message}{document.origin(f.location)}",
            document.line(f.location),
            f.code,
        )
        for f in findings
        if is_whole or f.code not in {MISSING, NO_KIND}
    ]


def _respelt(document: StackDocument, spec: StackSpec) -> Iterator[LocatedProblem]:
    """Yield numbers that would not be the text that they look like: 1.30 is 1.3."""
    for at, text in document.spelled.items():
        value = _value_at(spec, at)
        if isinstance(value, str) and value != text:
            yield LocatedProblem(at, f"{text} is the number {value}; write it in quotes: '{text}'.")


def _value_at(spec: StackSpec, at: Location) -> object:
    """Return what became of a value of the file, ``None`` where that is no part of the spec."""
    value: object = getattr(spec, _FIELDS.get(str(at[0]), ""), None)
    for step in at[1:]:
        match value:
            case Mapping():
                value = value.get(step)
            case list() | tuple() if isinstance(step, int) and step < len(value):
                value = value[step]
            case _:
                value = getattr(value, str(step), None)
    return value


def _inspection(document: StackDocument) -> Inspection:
    if _is_unreadable(document):
        return Inspection(None, tuple(document.problems))
    reading: ConfigReading = read_values(document.config)
    respelt = () if reading.spec is None else _respelt(document, reading.spec)
    found = _problems(document, [*reading.findings, *respelt])
    problems = tuple(sorted([*document.problems, *found], key=lambda problem: problem.line))
    return Inspection(
        None if problems else reading.spec,
        problems,
        tuple(path_text(location) for location in reading.sealed),
    )
