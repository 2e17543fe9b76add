"""Problems of a stack file: a record for each, and the error with all of them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from infra.contract.errors import PreflightError, SpecError
from infra.contract.json_types import JsonObject
from infra.contract.load import one_of
from infra.contract.meant import names_meant

Location = tuple[str | int, ...]
"""Steps from a configuration key inwards: ``("aml:computes", 0, "vm_size")``."""

UNREADABLE: Final = "unreadable"
UNKNOWN_KEY: Final = "unknown_key"
DUPLICATE: Final = "duplicate"
MISSING: Final = "missing"
NO_KIND: Final = "no_kind"
INVALID: Final = "invalid"
CONTRADICTION: Final = "contradiction"
NOT_SEALED: Final = "not_sealed"
NOT_EXTENDED: Final = "not_extended"
_MOST_LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. ``line`` is 0 without a file; ``message`` completes the path.

    ``path`` is in the format of ``aml config set --path``.
    """

    path: str
    message: str
    line: int = 0
    code: str = INVALID

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        path = f"{self.path}: " if self.path else ""
        return f"{where}{path}{self.message}"

    def as_dict(self) -> JsonObject:
        """Return the problem for ``--json``."""
        return asdict(self)


class StackFileError(SpecError):
    """A stack file with problems, all of them in ``problems``."""

    def __init__(self, problems: Sequence[Problem], *, at: str, remedy: str) -> None:
        super().__init__(_listed(problems), remedy=remedy, at=at)
        self.problems = tuple(problems)


def _listed(problems: Sequence[Problem]) -> str:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    more = len(problems) - _MOST_LISTED
    lines = [str(problem) for problem in problems[:_MOST_LISTED]]
    return "\n  ".join([f"{count}:", *lines, *([f"and {more} more"] if more > 0 else [])])


def file_error(problems: Sequence[Problem], file: Path) -> StackFileError:
    """Return the error for a file, with the command to check it again."""
    stack = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
    ordered = sorted(problems, key=lambda problem: problem.line)
    return StackFileError(
        ordered,
        at=str(file),
        remedy=f"Fix the lines above, then run `aml check -s {stack}`.",
    )


def online_error(
    problems: Sequence[Problem], file: Path, *, again: str = "check --online"
) -> PreflightError:
    """Return the error for a valid file that the cloud would reject; ``again`` shows it again."""
    stack = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
    return PreflightError(
        _listed(sorted(problems, key=lambda problem: problem.line)),
        remedy=f"Nothing was changed. Fix it, then run `aml {again} -s {stack}`.",
        at=str(file),
    )


def path_text(location: Location) -> str:
    """Return ``aml:computes[0].vm_size``."""
    first, *steps = location or ("",)
    text = str(first)
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("_", "").replace("-", "").isalnum():
            text += f".{step}"
        else:
            text += f'["{step}"]'
    return text


def did_you_mean(name: str, known: Sequence[str], *, most: int = 3) -> str:
    """Return `` Did you mean 'x' or 'y'?``, or nothing if no known name may be meant."""
    close = names_meant(name, known, most=most)
    return f" Did you mean {one_of(close)}?" if close else ""
