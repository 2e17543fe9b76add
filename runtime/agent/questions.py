"""The questions of a run's gateway, as files in its folder: see ``relay``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from runtime.agent.files import replacing

FOLDER = "gateway"
"""Where questions and answers are, in the run's folder."""
ASK, ANSWER = ".ask", ".answer"


def questions(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of the questions in a run's folder that wait for an answer."""
    try:
        names = sorted(file.name for file in (folder / FOLDER).iterdir())
    except OSError:
        return
    for name in names:
        if name.endswith(ASK) and not name.startswith("."):
            with suppress(FileNotFoundError):
                yield name[: -len(ASK)], (folder / FOLDER / name).read_bytes()


def answer(folder: Path, name: str, content: bytes) -> None:
    """Answer a question of a run, unless it was answered or given up."""
    if name.isalnum() and (folder / FOLDER / f"{name}{ASK}").exists():
        with replacing(folder / FOLDER / f"{name}{ANSWER}") as sink:
            sink.write(content)
