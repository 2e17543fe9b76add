"""Runs a script or a notebook in which ``azureml`` means this product's classes.

They run in this process, as ``python SCRIPT`` would: as ``__main__``, with their folder first on
the path. What they print is theirs.
"""

import os
import runpy
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from traceback import TracebackException, extract_tb
from types import ModuleType

from infra.contract.errors import FileAccessError, PlatformError, RunFailedError, UsageError
from infra.contract.json_types import JsonObject
from runtime.v1.cells import Cell, CellError, cells_of
from runtime.v1.finder import activated
from runtime.v1.magics import Magics
from runtime.v1.results import NOTEBOOK, OUTPUT, RUN, Included, included, output_of

Say = Callable[[str], None]
"""Receives a line for the user about what is run, and what is not."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an error happened: a line of the script, or of a cell."""

    text: str
    line: str = ""


class ScriptError(RunFailedError):
    """The script raised an exception of its own; ``trace`` is its traceback without our frames."""

    summary = "The script failed"

    def __init__(self, detail: str, *, remedy: str, trace: str, at: str | None = None) -> None:
        super().__init__(detail, remedy=remedy, at=at)
        self.trace = trace


def run(file: Path, arguments: Sequence[str], *, say: Say, show: Say) -> int:
    """Run a script or a notebook and return its exit code.

    ``show`` prints the value of a cell's last line. Raises ``ScriptError`` for an exception of the
    script's, and errors of ours with the line that caused them.
    """
    if not file.is_file():
        raise UsageError(
            f"There is no file {file}.", remedy="Name a Python script or a notebook (.ipynb)."
        )
    try:
        if file.suffix.lower() == NOTEBOOK:
            _run_notebook(file, arguments, say=say, show=show)
        else:
            _run_script(file, arguments)
    except SystemExit as ended:
        return _code(ended.code, say)
    return 0


def _run_script(file: Path, arguments: Sequence[str]) -> None:
    with _as_main(file, arguments) as main, _located(str(file)):
        exec(compile(_source(file), str(file), "exec"), main.__dict__)  # noqa: S102 - what is asked


def _code(given: object, say: Say) -> int:
    """Return the exit code that ``sys.exit`` was given; a text is a message, and means 1."""
    if given is None or isinstance(given, int):
        return int(given or 0)
    say(str(given))
    return 1


def _run_notebook(file: Path, arguments: Sequence[str], *, say: Say, show: Say) -> None:
    cells = cells_of(_source(file), str(file))
    with _as_main(file, arguments) as main:
        _run_cells(cells, main.__dict__, say=say, show=show)


def _run_cells(cells: Sequence[Cell], namespace: JsonObject, *, say: Say, show: Say) -> None:
    def include(line: str) -> None:
        _include(included(magics.filled(line)), namespace, say=say, show=show)

    magics = Magics(namespace, say)
    namespace |= {
        "display": _display(show),
        RUN: include,
        OUTPUT: lambda command: output_of(magics.filled(command)),
    }
    for cell in cells:
        say(f"[cell {cell.number}]")
        with _located(cell.name):
            _run_cell(cell, magics, namespace, show)


def _include(found: Included, namespace: JsonObject, *, say: Say, show: Say) -> None:
    """Run another file from a notebook, as ``%run`` does; what it defines is the notebook's."""
    kept = sys.argv
    sys.argv = [str(found.file), *found.arguments]
    sys.path.insert(0, str(found.file.absolute().parent))
    try:
        if found.file.suffix.lower() == NOTEBOOK:
            cells = cells_of(_source(found.file), str(found.file))
            _run_cells(cells, namespace, say=say, show=show)
            return
        given = namespace if found.shares else None
        made = runpy.run_path(str(found.file), given, run_name="__main__")
        namespace |= {name: each for name, each in made.items() if not name.startswith("__")}
    except SystemExit as ended:
        if ended.code:
            raise
    finally:
        sys.argv = kept
        del sys.path[0]


def _run_cell(cell: Cell, magics: Magics, namespace: JsonObject, show: Say) -> None:
    source = magics.plain(cell)
    if source is None:
        return
    body, last = cell.compiled(source)
    exec(body, namespace)  # noqa: S102 - what is asked for
    if last is not None:
        value: object = eval(last, namespace)  # noqa: S307 - what is asked for
        if value is not None:
            namespace["_"] = value
            show(repr(value))


def _display(show: Say) -> Callable[..., None]:
    def display(*values: object, **_: object) -> None:
        for value in values:
            show(value if isinstance(value, str) else repr(value))

    return display


@contextmanager
def _as_main(file: Path, arguments: Sequence[str]) -> Iterator[ModuleType]:
    """Make an empty ``__main__`` the module of ``file``; undo that at the end of the block."""
    main = ModuleType("__main__")
    main.__dict__.update({"__file__": str(file), "__builtins__": __builtins__})
    kept = sys.argv, [*sys.path], sys.modules["__main__"], Path.cwd()
    sys.argv = [str(file), *arguments]
    sys.path.insert(0, str(file.absolute().parent))
    sys.modules["__main__"] = main
    try:
        with activated():
            yield main
    finally:
        sys.argv, sys.path[:], sys.modules["__main__"] = kept[:3]
        os.chdir(kept[3])


@contextmanager
def _located(name: str) -> Iterator[None]:
    """Say where an exception happened; ``name`` is the file name that the code has."""
    try:
        yield
    except CellError:
        raise
    except PlatformError as error:
        error.at = error.at or _place(error, name).text
        raise
    except Exception as error:
        place = _place(error, name)
        lines = [*TracebackException.from_exception(error).format_exception_only()]
        raise ScriptError(
            "".join(lines).strip() + (f"\n    {place.line}" if place.line else ""),
            remedy="Fix the line, and run it again.",
            at=place.text,
            trace=_trace(error, name),
        ) from error


def _place(error: BaseException, name: str) -> Place:
    """Return the last line of ``name`` that the exception passed through."""
    if isinstance(error, SyntaxError) and error.filename == name:
        return Place(f"{name}:{error.lineno}", (error.text or "").strip())
    frames = [each for each in extract_tb(error.__traceback__) if each.filename == name]
    if not frames:
        return Place(name)
    return Place(f"{name}:{frames[-1].lineno}", frames[-1].line or "")


def _trace(error: BaseException, name: str) -> str:
    """Return the traceback from the first line of ``name`` on."""
    frames = extract_tb(error.__traceback__)
    first = next((n for n, each in enumerate(frames) if each.filename == name), 0)
    told = TracebackException.from_exception(error)
    told.stack[:] = told.stack[first:]
    return "".join(told.format())


def _source(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileAccessError(
            f"It cannot be read: {error}.", remedy="Save it as UTF-8.", at=str(file)
        ) from error
