"""Several errors in one: checks that do not depend on each other report all that is wrong."""

from collections.abc import Iterator
from contextlib import contextmanager

from infra.contract.errors import FileAccessError, PlatformError, StateError, UsageError


class Gathered:
    """Collects the errors of checks; ``raise_all`` raises them together."""

    def __init__(self) -> None:
        self._errors: list[PlatformError] = []

    @contextmanager
    def check(self) -> Iterator[None]:
        """Keep a ``PlatformError`` of the block for later.

        What the product keeps, damaged or not readable, is no mistake in what was given: such an
        error is raised at once.
        """
        try:
            yield
        except (FileAccessError, StateError):
            raise
        except PlatformError as error:
            self._errors.append(error)

    @property
    def found(self) -> bool:
        """Whether a check has failed."""
        return bool(self._errors)

    def raise_all(self, what: str) -> None:
        """Raise the only error as it is, several as one ``UsageError`` about ``what``."""
        if not self._errors:
            return
        if len(self._errors) == 1:
            raise self._errors[0]
        lines = [_line(error) for error in self._errors]
        raise UsageError(
            "\n  ".join([f"{what}, for {len(lines)} reasons:", *lines]),
            remedy="Correct each of them; what to do stands beside it.",
        ) from self._errors[0]


def _line(error: PlatformError) -> str:
    where = f"{error.at}: " if error.at else ""
    detail = error.detail.replace("\n", "\n    ")
    return f"{where}{detail} {error.remedy}"
