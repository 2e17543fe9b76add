"""Runs one task in the process of its cluster: a script, a notebook's cells, a wheel's entry point.

Started by path with the Python of the task's environment, and nothing of this project on its path.
Standard library only. What came of it is written as JSON to the file that the task names.
"""

import builtins
import importlib
import importlib.metadata
import json
import re
import runpy
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any, Self

_CELL = re.compile(r"^# COMMAND -+[ \t]*$", re.MULTILINE)
_HEADER = "# Databricks notebook source"
_MAGIC = "# MAGIC"
_SPARK = re.compile(r"\bspark\b")
_HEAD_BYTES = 65536


class _ExitError(BaseException):
    """``dbutils.notebook.exit`` was called. Not an ``Exception``: notebooks catch those."""


class _Widgets:
    """``dbutils.widgets``: the parameters of the run, and the defaults of the notebook."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = dict(given)
        self._defaults: dict[str, str] = {}

    def text(self, name: str, *rest: Any, **named: Any) -> None:
        self._defaults[name] = str(named.get("defaultValue", rest[0] if rest else ""))

    dropdown = combobox = multiselect = text

    def get(self, name: str) -> str:
        if name not in self._given and name not in self._defaults:
            raise ValueError(f"InputWidgetNotDefined: No input widget named {name} is defined")
        return self._given.get(name, self._defaults.get(name, ""))

    def remove(self, name: str) -> None:
        self._defaults.pop(name, None)

    def __getattr__(self, name: str) -> Callable[[], Any]:
        """Return the methods whose names are not Python's."""
        return {
            "getAll": lambda: {**self._defaults, **self._given},
            "removeAll": self._defaults.clear,
        }[name]


class _Files:
    """``dbutils.fs``: files of DBFS, volumes and the workspace, in the folders they are kept in."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def ls(self, path: str) -> list[SimpleNamespace]:
        base = path.rstrip("/")
        return [
            SimpleNamespace(
                path=f"{base}/{each.name}" + ("/" if each.is_dir() else ""),
                name=each.name + ("/" if each.is_dir() else ""),
                size=0 if each.is_dir() else each.stat().st_size,
                modificationTime=int(each.stat().st_mtime * 1000),
                isDir=each.is_dir,
                isFile=each.is_file,
            )
            for each in sorted(self.local(path).iterdir())
        ]

    def mkdirs(self, path: str) -> bool:
        self.local(path).mkdir(parents=True, exist_ok=True)
        return True

    def put(self, path: str, contents: str, overwrite: int = 0) -> bool:
        file = self.local(path)
        if file.exists() and not overwrite:
            raise FileExistsError(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(contents, encoding="utf-8")
        return True

    def head(self, path: str, *size: int, **named: int) -> str:
        with self.local(path).open("rb") as source:
            most = named.get("maxBytes", size[0] if size else _HEAD_BYTES)
            return source.read(most).decode(errors="replace")

    def cp(self, source: str, target: str, recurse: int = 0) -> bool:
        place, kept = self.local(source), self.local(target)
        kept.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir() and recurse:
            shutil.copytree(place, kept, dirs_exist_ok=True)
        else:
            shutil.copy2(place, kept)
        return True

    def mv(self, source: str, target: str, recurse: int = 0) -> bool:
        return self.cp(source, target, recurse) and self.rm(source, recurse)

    def rm(self, path: str, recurse: int = 0) -> bool:
        file = self.local(path)
        if file.is_dir() and recurse:
            shutil.rmtree(file)
        elif file.is_dir():
            file.rmdir()
        else:
            file.unlink()
        return True

    def local(self, path: str) -> Path:
        """Return where a path is on this machine."""
        if path.startswith("file:"):
            return Path(path[5:])
        bare = path[5:] if path.startswith(("dbfs:", "/dbfs")) else path
        top = self._root if bare.startswith(("/Volumes/", "/Workspace/")) else self._root / "dbfs"
        file = top / bare.lstrip("/")
        if ".." in bare.split("/"):
            raise ValueError(f"The path {path!r} is not valid")
        return file


class _Refusing:
    """A part of ``dbutils`` that the local cloud does not have; using it says so."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(f"The local cloud has no dbutils.{self._name}.{name}")


class _Notebook:
    """The notebook of a run and those that it runs."""

    def __init__(self, root: Path, widgets: Mapping[str, str]) -> None:
        self._root = root
        self._files = _Files(root)
        self._utilities = SimpleNamespace(
            widgets=_Widgets(widgets),
            fs=self._files,
            notebook=SimpleNamespace(exit=_leave, run=self._run_other),
            secrets=_Refusing("secrets"),
            jobs=_Refusing("jobs"),
            library=_Refusing("library"),
        )
        self._globals: dict[str, Any] = {
            "__name__": "__main__",
            "__builtins__": builtins,
            "dbutils": self._utilities,
            "display": _display,
        }

    def run(self, file: Path) -> str:
        """Run a notebook's cells; return what it exits with."""
        sys.path.insert(0, str(file.parent))
        try:
            self._cells(file)
        except _ExitError as leaving:
            return str(leaving.args[0])
        return ""

    def _cells(self, file: Path) -> None:
        text = file.read_text(encoding="utf-8").replace(_HEADER, "", 1)
        if _SPARK.search(text) and "spark" not in self._globals:
            self._globals |= _spark()
        line = 2
        for cell in _CELL.split(text):
            self._cell(file, cell, line)
            line += cell.count("\n")

    def _cell(self, file: Path, cell: str, line: int) -> None:
        magic = [each for each in cell.splitlines() if each.startswith(_MAGIC)]
        if magic:
            lines = [each[len(_MAGIC) :].removeprefix(" ") for each in magic]
            word, _, rest = lines[0].partition(" ")
            self._magic(file, word, "\n".join([rest, *lines[1:]]).strip())
            return
        # Blank lines in front: errors name the line of the notebook.
        code = compile("\n" * (line - 2) + cell, str(file), "exec")
        FunctionType(code, self._globals)()

    def _magic(self, file: Path, word: str, rest: str) -> None:
        if word in ("%md", "%md-sandbox"):
            return
        if word == "%sh":
            subprocess.run(["bash", "-c", rest], check=True)
        elif word == "%run":
            self._cells(self._other(file.parent, rest.strip("\"'")))
        elif word == "%sql":
            _display(self._globals["spark"].sql(rest))
        elif word == "%python":
            FunctionType(compile(rest, str(file), "exec"), self._globals)()
        else:
            raise NotImplementedError(
                f"The local cloud has no {word}; declare packages as libraries of the task"
            )

    def _other(self, folder: Path, name: str) -> Path:
        if name.startswith("/"):
            return self._root / "Workspace" / name.removeprefix("/Workspace").lstrip("/")
        return folder / name

    def _run_other(self, path: str, *rest: Any, **named: Any) -> str:
        arguments = named.get("arguments", rest[1] if rest[1:] else {})
        return _Notebook(self._root, arguments).run(self._other(Path(sys.path[0]), path))


def _leave(value: Any) -> None:
    raise _ExitError(value)


def _display(value: Any) -> None:
    if hasattr(value, "show"):
        value.show()
    else:
        sys.stdout.write(f"{value}\n")


def _spark() -> dict[str, Any]:
    sql = importlib.import_module("pyspark.sql")
    session = sql.SparkSession.builder.getOrCreate()
    return {"spark": session, "sc": session.sparkContext}


def _script(task: Mapping[str, Any]) -> str:
    file = task["file"]
    sys.argv = [file, *task["parameters"]]
    sys.path.insert(0, str(Path(file).parent))
    runpy.run_path(file, run_name="__main__")
    return ""


def _notebook(task: Mapping[str, Any]) -> str:
    return _Notebook(Path(task["root"]), task["widgets"]).run(Path(task["file"]))


def _wheel(task: Mapping[str, Any]) -> str:
    package, entry = task["package"], task["entry_point"]
    sys.argv = [entry, *task["parameters"]]
    _entry_point(package, entry)()
    return ""


def _entry_point(package: str, name: str) -> Callable[[], Any]:
    """Return the entry point of a package's metadata, or its function of that name."""
    for found in _entry_points(package):
        if found.name == name:
            function: Callable[[], Any] = found.load()
            return function
    module = importlib.import_module(package.replace("-", "_"))
    named: Callable[[], Any] | None = getattr(module, name, None)
    if named is None:
        raise ValueError(f"Package {package} has neither an entry point nor a function {name}.")
    return named


def _entry_points(package: str) -> Iterator[importlib.metadata.EntryPoint]:
    try:
        yield from importlib.metadata.distribution(package).entry_points
    except importlib.metadata.PackageNotFoundError:
        return


_KINDS = {"script": _script, "notebook": _notebook, "wheel": _wheel}


class _Outcome:
    """What came of a task: as a context, it keeps whatever ends the task."""

    def __init__(self) -> None:
        self.facts: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> bool:
        if isinstance(error, SystemExit):
            if error.code not in (None, 0):
                self.facts = {"error": f"SystemExit: {error.code}", "error_trace": ""}
        elif error is not None:
            trace = "".join(traceback.format_exception(error))
            sys.stderr.write(trace)
            self.facts = {"error": f"{type(error).__name__}: {error}", "error_trace": trace}
        return True


def main(arguments: Sequence[str]) -> int:
    """Run the task that a JSON file describes; return the process's exit code."""
    task = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    sys.path.pop(0)  # the folder of this file
    outcome = _Outcome()
    with outcome:
        outcome.facts["result"] = _KINDS[task["kind"]](task)
    sys.stdout.flush()
    staged = Path(task["outcome"] + ".new")
    staged.write_text(json.dumps(outcome.facts), encoding="utf-8")
    staged.replace(task["outcome"])
    return 1 if "error" in outcome.facts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
