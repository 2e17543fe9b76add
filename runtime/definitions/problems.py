"""Collects the problems of a definition file, and raises all of them as one error."""

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from infra.contract.errors import DefinitionError
from runtime.definitions.located import file_of

GIVEN: Final = -1
"""The line of a value that the command line gives with ``--set``."""
GIVEN_PARAMETER: Final = -2
"""The line of a value that it gives with ``-P``."""
GIVEN_OPTION: Final = -3
"""The line of a value that it gives with an option of its own, such as ``--name``."""
COMMAND_LINE: Final = Path("the command line")
"""Stands for the file of a definition that is given by options alone."""
_OPTIONS: Final = {GIVEN: " (--set)", GIVEN_PARAMETER: " (-P)", GIVEN_OPTION: ""}
_MOST_LISTED: Final = 50
_CUTOFF: Final = 0.6


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file, which counts from 1.

    Line 0 stands for the whole file, a negative one for what the command line says in its place.
    """

    file: str
    line: int = 0

    def __str__(self) -> str:
        if self.line in _OPTIONS:
            return f"{self.file}{_OPTIONS[self.line]}"
        return f"{self.file}:{self.line}" if self.line else self.file


def place_of(line: int, file: Path | str) -> Place:
    """Return the place of a line: in its own file, in ``file`` if it does not know that."""
    return Place(file_of(line, str(file)), line)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One problem."""

    at: Place
    message: str
    remedy: str


class Problems:
    """The problems found so far in a definition, which may have several files."""

    def __init__(self, file: Path) -> None:
        self._file = Place(str(file))
        self._found: dict[Problem, None] = {}

    def add(self, message: str, *, remedy: str, at: Place | None = None) -> None:
        """Note a problem; ``message`` and ``remedy`` are sentences."""
        self._found[Problem(at or self._file, message, remedy)] = None

    def at_line(self, line: int, message: str, remedy: str) -> None:
        """Note a problem on a line: of its own file, or of the definition's."""
        self.add(message, remedy=remedy, at=place_of(line, self.file))

    @property
    def file(self) -> str:
        """Return the definition's file."""
        return self._file.file

    @property
    def found(self) -> list[Problem]:
        """Return the problems in the order of the lines."""
        return sorted(self._found)

    def raise_any(self) -> None:
        """Raise ``DefinitionError`` with every problem, in the order of the lines."""
        found = self.found
        if not found:
            return
        if len(found) == 1:
            only = found[0]
            raise DefinitionError(only.message, remedy=only.remedy, at=str(only.at))
        more = len(found) - _MOST_LISTED
        lines = [f"{each.at}: {each.message} {each.remedy}" for each in found[:_MOST_LISTED]]
        raise DefinitionError(
            "\n  ".join(
                [f"{len(found)} problems:", *lines, *([f"and {more} more"] if more > 0 else [])]
            ),
            remedy="Fix the lines above.",
            at=str(self._file),
        )


def did_you_mean(name: str, known: Collection[str], *, cutoff: float = _CUTOFF) -> str:
    """Return ``Did you mean 'x'?``, or nothing if no known name is near."""
    lowered = {key.lower(): key for key in known}
    close = get_close_matches(name.lower(), lowered, n=1, cutoff=cutoff)
    return f"Did you mean {lowered[close[0]]!r}?" if close else ""
