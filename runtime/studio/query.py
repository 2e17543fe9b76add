"""The address of the table of runs, read: what is listed, sorted and shown. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from infra.contract.errors import PlatformError
from runtime.history.listing import Choices, Listing, read_clauses
from runtime.model.runs import RunRecord
from runtime.studio.run_view import SYSTEM

PAGE_SIZES: Final = (50, 100, 200)
_MOST_DIGITS: Final = 9
"""What a database counts to; there are no more pages than that."""
_ALWAYS: Final = ("experiment", "target", "status", "created", "duration")
_TITLES: Final = {"status": "State", "run_name": "Run", "created": "Created"}
_NEWEST_FIRST: Final = frozenset({"created", "duration"})
_FOLDERS: Final = {"metric": "metrics", "param": "params", "tag": "tags"}


@dataclass(frozen=True, slots=True)
class Query:
    """What an address asks for. ``filter`` is MLflow's search syntax.

    ``error``: what is wrong with the filter that was ``typed``, which is not the ``filter`` then.
    ``parts``: also the trials of sweeps, the steps of pipelines, and other runs below one.
    ``columns`` are ``metric.NAME``, ``param.NAME`` or ``tag.NAME``, shown beside those of all runs.
    """

    text: str = ""
    experiment: str = ""
    target: str = ""
    state: str = ""
    parts: bool = False
    filter: str = ""
    sort: str = "created"
    descending: bool = True
    columns: tuple[str, ...] = ()
    size: int = PAGE_SIZES[0]
    page: int = 1
    typed: str = ""
    error: str = ""

    @property
    def listing(self) -> Listing:
        """Return what the database is asked for; raises ``UsageError`` for a bad filter or sort."""
        return Listing(
            self.text,
            self.experiment,
            self.target,
            self.state,
            not self.parts,
            read_clauses(self.filter),
            self.sort,
            self.descending,
            (self.page - 1) * self.size,
            self.size,
        )

    @property
    def address(self) -> str:
        """Return the address that asks for this."""
        pairs: list[tuple[str, str]] = []
        for key in ("text", "experiment", "target", "state", "filter"):
            pairs += [(key, value)] if (value := str(getattr(self, key))) else []
        pairs += [("parts", "1")] if self.parts else []
        if (self.sort, self.descending) != ("created", True):
            pairs += [("sort", self.sort), ("order", "desc" if self.descending else "asc")]
        pairs += [("column", column) for column in self.columns]
        pairs += [("size", str(self.size))] if self.size != PAGE_SIZES[0] else []
        pairs += [("page", str(self.page))] if self.page > 1 else []
        return "/?" + urlencode(pairs) if pairs else "/"

    def pages(self, total: int) -> int:
        """Return how many pages that many runs have."""
        return max(-(-total // self.size), 1)

    def at_page(self, page: int) -> str:
        """Return the address of another page of the same runs."""
        return replace(self, page=page).address

    def sorted_by(self, column: str) -> str:
        """Return the address that sorts by a column, the other way if it is sorted by it."""
        down = not self.descending if column == self.sort else column in _NEWEST_FIRST
        return replace(self, sort=column, descending=down, page=1).address


def read_query(pairs: Sequence[tuple[str, str]]) -> Query:
    """Read an address's parameters. What cannot be read is left out, and ``error`` says why."""
    given = dict(pairs)
    columns = dict.fromkeys(value for key, value in pairs if key == "column" and _is_own(value))
    size = _number(given.get("size"), PAGE_SIZES[0])
    query = Query(
        text=given.get("text", "").strip(),
        experiment=given.get("experiment", ""),
        target=given.get("target", ""),
        state=given.get("state", ""),
        parts=given.get("parts") == "1",
        filter=given.get("filter", "").strip(),
        sort=given.get("sort") or "created",
        descending=given.get("order", "desc") != "asc",
        columns=tuple(columns),
        size=size if size in PAGE_SIZES else PAGE_SIZES[0],
        page=_number(given.get("page"), 1),
    )
    try:
        _ = query.listing
    except PlatformError as error:
        return replace(
            query,
            filter="",
            typed=query.filter,
            error=f"{error.detail} {error.remedy or ''}".strip(),
        )
    return query


def headings(query: Query) -> Sequence[tuple[str, str]]:
    """Return the columns of the table and their titles."""
    named = [(column, column.partition(".")[2]) for column in query.columns]
    return [(key, _TITLES.get(key, key.capitalize())) for key in ("run_name", *_ALWAYS)] + named


def without_system(choices: Choices) -> Choices:
    """Return the choices without the tags that drivers of sweeps keep, a few for each trial."""
    system = {name for name in choices.tags if name.startswith(SYSTEM)}
    kept = [name for name in choices.tags if not {name, f"{SYSTEM}{name}"} & system]
    return replace(choices, tags=kept)


def cell(record: RunRecord, column: str) -> str | float | None:
    """Return what a run has in one of the columns that were chosen."""
    entity, _, name = column.partition(".")
    values: dict[str, str | float] = dict(getattr(record, _FOLDERS[entity]))
    return values.get(name)


def _is_own(column: str) -> bool:
    entity, dot, name = column.partition(".")
    return bool(dot and name) and entity in _FOLDERS


def _number(text: str | None, default: int) -> int:
    if not (text and text.isascii() and text.isdigit()):
        return default
    return max(int(text[:_MOST_DIGITS]), 1)
