"""The code cells of a notebook: read from its JSON, and compiled one by one. Pure."""

import ast
import json
import linecache
from dataclasses import dataclass
from types import CodeType

from infra.contract.errors import DefinitionError
from infra.contract.json_types import Document


class CellError(DefinitionError):
    """A cell that cannot be run here; the place is the cell and its line."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One code cell of the notebook ``file``. ``number`` counts all its cells from 1."""

    file: str
    number: int
    source: str

    @property
    def name(self) -> str:
        """The name of the cell in messages and tracebacks."""
        return f"{self.file} cell {self.number}"

    def compiled(self, source: str) -> tuple[CodeType, CodeType | None]:
        """Return the cell's code, and that of its last line if it is an expression to show.

        ``source`` is the cell's text as plain Python. Raises ``SyntaxError``.
        """
        lines = self.source.splitlines(keepends=True)  # a traceback shows what was written
        linecache.cache[self.name] = (len(self.source), None, lines, self.name)
        tree = ast.parse(source, self.name)
        last = None
        final = tree.body[-1] if tree.body else None
        if isinstance(final, ast.Expr) and not _silent(source):
            tree.body.pop()
            last = compile(ast.Expression(final.value), self.name, "eval")
        return compile(tree, self.name, "exec"), last


def cells_of(text: str, file: str) -> list[Cell]:
    """Return the code cells of a notebook that are not empty, in their order."""
    try:
        document = json.loads(text)
        cells = list(_cells(document))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DefinitionError(
            f"It is not a notebook: {error!r}.", remedy="Save it again with Jupyter.", at=file
        ) from error
    return [
        Cell(file, number, source)
        for number, (kind, source) in enumerate(cells, start=1)
        if kind == "code" and source.strip()
    ]


def _cells(document: Document) -> list[tuple[str, str]]:
    # Before version 4 of the format, cells are in worksheets and their text is called `input`.
    listed = document.get("cells")
    if listed is None:
        listed = [each for sheet in document["worksheets"] for each in sheet["cells"]]
    return [
        (each["cell_type"], _text(each.get("source", each.get("input", "")))) for each in listed
    ]


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def _silent(source: str) -> bool:
    """Return whether the last line ends in a semicolon, which in a notebook shows nothing."""
    return source.rstrip().endswith(";")
