"""Parses and normalizes pip's requirements format. Text in, lines out.

It reads no files, and only looks whether those that requirements name are on this machine.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from runtime.model.redaction import redacted

_FILE_OPTIONS: Final = ("-r", "--requirement", "-c", "--constraint")
_EDITABLE: Final = ("-e", "--editable")
_LOCAL_PATH: Final = re.compile(r"(\.{0,2}/|\.\.?$|file:|[A-Za-z]:\\)")
_COMMENT: Final = re.compile(r"(^|\s)#.*$")
_COMMAND_LINE: Final = {
    "--pre": ("--prerelease=allow", False),
    "--no-deps": ("--no-deps", False),
    "--trusted-host": ("--allow-insecure-host", True),
}
"""Options that uv accepts only on its command line, and whether they take a value."""
_WITHOUT_EFFECT: Final = ("--prefer-binary", "--use-feature", "--use-pep517", "--no-cache-dir")


@dataclass(frozen=True, slots=True)
class Requirements:
    """What to install. ``lines`` go to a requirements file, ``arguments`` to the command line."""

    lines: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def requirement_lines(text: str) -> list[str]:
    """Return the logical lines: continuations joined, without comments and blanks."""
    joined = re.sub(r"\\\r?\n", " ", text)
    bare = (_COMMENT.sub("", line) for line in joined.splitlines())
    return [" ".join(line.split()) for line in bare if line.strip()]


def included_file(line: str) -> str | None:
    """Return the file that a ``-r FILE`` line includes, else ``None``."""
    match = re.fullmatch(r"(?:-r|--requirement)(?:\s+|=)?(\S+)", line)
    return match[1] if match else None


def parse_requirements(lines: Iterable[str], at: str = "") -> Requirements:
    """Split logical lines into those for a file and those for the command line, in order.

    ``at`` is what problems begin with.
    """
    kept: list[str] = []
    arguments: list[str] = []
    problems: list[str] = []
    for line in lines:
        option, _, value = line.replace("=", " ", 1).partition(" ")
        if _refers_to_a_file(line):
            shown = redacted(line)
            what = "refers to a file, which is not sent along with the run"
            problems.append(f"{at}{shown!r} {what}")
        elif option in _COMMAND_LINE:
            argument, takes_value = _COMMAND_LINE[option]
            arguments += [argument, value.strip()] if takes_value else [argument]
        elif option not in _WITHOUT_EFFECT:
            kept.append(line)
    return Requirements(tuple(kept), tuple(arguments), tuple(problems))


def _refers_to_a_file(line: str) -> bool:
    option = re.match(r"(--[a-z-]+|-[rce])[\s=]*(.*)", line)
    if option is None:
        url = line.partition(" @ ")[2]
        # `pip freeze` in a conda environment writes `numpy @ file:///home/conda/…`.
        return (
            not _is_here(url) if url.startswith("file:") else bool(_LOCAL_PATH.match(url or line))
        )
    if option[1] in _EDITABLE:
        return "://" not in option[2]
    return option[1] in _FILE_OPTIONS


def _is_here(url: str) -> bool:
    """Return whether this machine, where environments of local runs are built, has the file."""
    path = urlsplit(url.partition("#")[0].split(";")[0].strip()).path
    return Path(unquote(path)).exists()
