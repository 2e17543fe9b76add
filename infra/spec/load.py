"""A stack file → ``StackSpec``, or every problem in it at once with its line. Needs no Pulumi."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from infra.contract.errors import SpecError
from infra.spec.document import StackDocument, parse_document, read_document
from infra.spec.problems import UNREADABLE, Problem, file_error, path_text
from infra.spec.program import ProgramSpec
from infra.spec.reading import ConfigReading, LocatedProblem, read_program_values, read_values
from infra.spec.stack import StackSpec


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is known of a stack file without its passphrase.

    ``spec`` is ``None`` where there are problems, or where something other than a credential is
    sealed; ``sealed`` are the paths of the latter.
    """

    spec: StackSpec | ProgramSpec | None
    problems: tuple[Problem, ...]
    sealed: tuple[str, ...] = ()


def inspect_stack(file: Path) -> Inspection:
    """Look at the file; raises ``SpecError`` only where there is none."""
    return _inspection(read_document(file))


def inspect_text(text: str) -> Inspection:
    """Look at what a stack file would hold."""
    return _inspection(parse_document(text))


def load_stack(file: Path) -> StackSpec:
    """Return the spec in ``file``; raises ``StackFileError`` with all problems."""
    found = inspect_stack(file)
    if found.problems:
        raise file_error(found.problems, file)
    if not isinstance(found.spec, StackSpec):
        raise SpecError(
            f"Sealed, so it cannot be read without the passphrase: {', '.join(found.sealed)}.",
            remedy="Seal credentials only; `aml config set --plaintext --path` sets the others.",
            at=str(file),
        )
    return found.spec


def inspect_program_stack(file: Path) -> Inspection:
    """Look at what is ours in the stack file of somebody's own program."""
    document = read_document(file)
    if _is_unreadable(document):
        return Inspection(None, tuple(document.problems))
    spec, findings = read_program_values(document.config)
    problems = [*document.problems, *_problems(document, findings)]
    return Inspection(None if problems else spec, tuple(problems))


def load_program_stack(file: Path) -> ProgramSpec:
    """Return what is ours in the stack file of somebody's own program.

    Raises ``StackFileError`` with all problems.
    """
    found = inspect_program_stack(file)
    if not isinstance(found.spec, ProgramSpec):
        raise file_error(found.problems, file)
    return found.spec


def _is_unreadable(document: StackDocument) -> bool:
    return any(problem.code == UNREADABLE for problem in document.problems)


def _problems(document: StackDocument, findings: Iterable[LocatedProblem]) -> list[Problem]:
    return [
        Problem(path_text(f.location), f.message, document.line(f.location), f.code)
        for f in findings
    ]


def _inspection(document: StackDocument) -> Inspection:
    if _is_unreadable(document):
        return Inspection(None, tuple(document.problems))
    reading: ConfigReading = read_values(document.config)
    found = _problems(document, reading.findings)
    problems = tuple(sorted([*document.problems, *found], key=lambda problem: problem.line))
    return Inspection(
        None if problems else reading.spec,
        problems,
        tuple(path_text(location) for location in reading.sealed),
    )
