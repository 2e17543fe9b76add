"""IPython's own lines of a cell: `%%writefile` is done, display settings skipped, others refused.

Lines with `!` and `%pip` are not run: environments are declared, and a notebook that installs
packages into the Python that runs it would change what everybody else uses. Where later lines need
the result, a line becomes a call: ``%run`` and ``x = !command``.
"""

import ast
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from infra.contract.json_types import JsonObject
from runtime.v1.cells import Cell, CellError
from runtime.v1.results import OUTPUT, RUN, installs

Say = Callable[[str], None]
_LINE: Final = re.compile(r"(?P<indent>\s*)(?P<mark>%%?|!!?)(?P<name>\w[\w.]*)?(?P<rest>.*)")
_ASSIGNED: Final = re.compile(r"(?P<target>\s*[\w.,\s\[\]'\"]+=\s*)(?P<mark>[!%])(?P<rest>\w.*)")
_HELP: Final = re.compile(r"\s*\??\??[\w.]+\?{1,2}\s*|\s*\?{1,2}[\w.]+\s*")
# Cell magics whose body is Python of this notebook.
_TRANSPARENT: Final = frozenset({"time", "timeit", "capture", "prun"})
# Cell magics whose body is something else.
_OTHER_LANGUAGES: Final = frozenset(
    {"bash", "sh", "script", "html", "javascript", "js", "markdown", "latex", "svg", "cmd", "sql"}
)
# Line magics that only change how a notebook looks or is loaded.
_DISPLAY: Final = frozenset(
    {"matplotlib", "load_ext", "reload_ext", "autoreload", "config", "pylab", "precision", "xmode"}
)
_SKIPPED: Final = frozenset(
    {"pip", "conda", "ls", "pwd", "who", "whos", "store", "history", "reset"}
)


class Magics:
    """The magics of one notebook, whose variables are ``namespace``."""

    def __init__(self, namespace: JsonObject, say: Say) -> None:
        self._namespace = namespace
        self._say = say

    def plain(self, cell: Cell) -> str | None:
        """Return the cell as plain Python, line for line; ``None`` if nothing of it is run.

        Raises ``CellError`` for a line that would have to be run for what follows.
        """
        if _is_python(cell.source):
            return cell.source
        lines = cell.source.splitlines()
        first = next(n for n, line in enumerate(lines) if line.strip())
        if lines[first].lstrip().startswith("%%"):
            return self._cell_magic(cell, lines, first)
        return "\n".join(self._line(cell, n, line) for n, line in enumerate(lines, start=1))

    def _cell_magic(self, cell: Cell, lines: list[str], first: int) -> str | None:
        name, _, rest = lines[first].strip()[2:].partition(" ")
        body = lines[first + 1 :]
        if name in {"writefile", "file"}:
            self._write(cell, rest.split(), "\n".join(body) + "\n")
            return None
        if name in _TRANSPARENT:
            code = [""] * (first + 1) + body
            return "\n".join(self._line(cell, n, line) for n, line in enumerate(code, start=1))
        if name in _OTHER_LANGUAGES or name.startswith("!"):
            self._say(f"note: cell {cell.number} is not run: %%{name}")
            return None
        raise CellError(
            f"%%{name} is not run here.",
            remedy="Write the cell in plain Python.",
            at=f"{cell.name}:{first + 1}",
        )

    def _write(self, cell: Cell, options: list[str], text: str) -> None:
        appends = options[:1] in (["-a"], ["--append"])
        names = options[1:] if appends else options
        if len(names) != 1:
            raise CellError(
                "%%writefile needs the name of one file.",
                remedy="Write `%%writefile NAME` in the first line of the cell.",
                at=f"{cell.name}:1",
            )
        file = Path(self.filled(names[0].strip("'\"")))
        if not file.parent.is_dir():
            raise CellError(
                f"There is no folder {file.parent}.",
                remedy="Create it in an earlier cell: `os.makedirs(…, exist_ok=True)`.",
                at=f"{cell.name}:1",
            )
        with file.open("a" if appends else "w", encoding="utf-8") as sink:
            sink.write(text)
        self._say(f"wrote {file}")

    def _line(self, cell: Cell, number: int, line: str) -> str:
        """Return a line as plain Python; a magic becomes ``pass``."""
        assigned = _ASSIGNED.match(line)
        if assigned and (assigned["mark"] == "%" or installs(assigned["rest"])):
            raise CellError(
                f"It is not run here: {line.strip()}",
                remedy="Write the value out. Packages belong into the environment.",
                at=f"{cell.name}:{number}",
            )
        if assigned:
            return f"{assigned['target']}{OUTPUT}({assigned['rest']!r})"
        match = _LINE.fullmatch(line)
        if _HELP.fullmatch(line):
            return ""
        if match is None or (match["mark"] == "%" and match["name"] is None):
            return line
        name = match["name"] or ""
        if match["mark"] == "%" and name in _TRANSPARENT and match["rest"].strip():
            return match["indent"] + match["rest"].strip()
        if match["mark"] == "%" and name == "run":
            return f"{match['indent']}{RUN}({match['rest'].strip()!r})"
        self._magic(cell, number, match["mark"], name, match["rest"].strip())
        return f"{match['indent']}pass"

    def _magic(self, cell: Cell, number: int, mark: str, name: str, rest: str) -> None:
        if mark.startswith("!") or name in _SKIPPED:
            self._say(f"note: not run, in line {number}: {mark}{name} {rest}".rstrip())
        elif name == "matplotlib":
            # Without a notebook's display, `plt.show()` must neither open a window nor wait.
            os.environ.setdefault("MPLBACKEND", "agg")
        elif name == "cd":
            os.chdir(self.filled(rest.strip("'\"") or "~"))
        elif name in {"env", "set_env"} and rest:
            key, value = re.split(r"[=\s]", rest, maxsplit=1)
            os.environ[key.strip()] = self.filled(value.strip())
        elif name not in _DISPLAY:
            raise CellError(
                f"%{name} is not run here.",
                remedy="Write the line in plain Python.",
                at=f"{cell.name}:{number}",
            )

    def filled(self, text: str) -> str:
        """Return a text with `{name}` and `$name` replaced by variables of the notebook."""

        def value(match: re.Match[str]) -> str:
            return str(self._namespace.get(match[1] or match[2], match[0]))

        return os.path.expanduser(re.sub(r"\{(\w+)\}|\$(\w+)", value, text))  # noqa: PTH111 - text


def _is_python(source: str) -> bool:
    """Return whether a cell has no lines of IPython's own."""
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True
