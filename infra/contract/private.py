"""Folders and files that only their owner can read, whatever the umask, and that git ignores.

Everything below ``.aml`` is made with these: it holds logs, state, keys, and what runs wrote.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

HOME: Final = ".aml"
"""Name of the folder beside ``Pulumi.yaml`` that holds state, keys, runs and the local cloud."""
_IGNORE_ALL: Final = (
    "# Written by aml: state, keys and runs of this machine; do not commit them.\n*\n"
)
_FOLDER: Final = 0o700
_FILE: Final = 0o600
_OTHERS: Final = 0o077


def private_folder(folder: Path) -> Path:
    """Create a folder, and those above it that do not exist; return it.

    A ``.aml`` folder among them that an earlier release left open is closed, and gets a
    ``.gitignore`` of its own.
    """
    home = next((each for each in (folder, *folder.parents) if _is_home(each)), None)
    made = home is not None and not home.exists()
    missing = []
    above = folder
    while not above.is_dir():
        missing.append(above)
        above = above.parent
    for each in reversed(missing):
        each.mkdir(_FOLDER, exist_ok=True)
    # A folder that AML_HOME names may have been there before, with files of its own.
    if home is not None and (made or home.name == HOME):
        _close(home, _FOLDER)
        with suppress(OSError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with os.fdopen(os.open(home / ".gitignore", flags, _FILE), "w") as sink:
                sink.write(_IGNORE_ALL)
    return folder


def private_file(file: Path) -> Path:
    """Create an empty file if there is none, close one that is open to others; return it."""
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, _FILE))
    _close(file, _FILE)
    return file


def keep_out_of_snapshots(home: Path) -> Path | None:
    """Name ``.aml`` in the ignore file beside it; return that file, ``None`` if it does already.

    Microsoft's clients upload a folder but for what ``.amlignore`` at its root says, or else
    ``.gitignore``; they read none below. Ours leave ``.aml`` out anyway.
    """
    if home.name != HOME:
        return None
    candidates = [home.parent / name for name in (".amlignore", ".gitignore")]
    file = next((each for each in candidates if each.is_file()), candidates[0])
    text = file.read_text(encoding="utf-8", errors="surrogateescape") if file.is_file() else ""
    if {line.strip().strip("/") for line in text.splitlines()} & {HOME, f"{HOME}/*", ".*"}:
        return None
    ended = not text or text.endswith("\n")
    with file.open("a", encoding="utf-8") as sink:
        sink.write(f"{HOME}/\n" if ended else f"\n{HOME}/\n")
    return file


def _close(path: Path, mode: int) -> None:
    status = path.stat()
    if status.st_mode & _OTHERS and status.st_uid == os.geteuid():
        path.chmod(mode)


def _is_home(folder: Path) -> bool:
    chosen = os.environ.get("AML_HOME")
    return folder.name == HOME or bool(chosen and folder.absolute() == Path(chosen).absolute())
