"""Makes folders below ``.aml`` so that git ignores all of it.

Whatever may be the first to write there, a command or a library call, makes its folder here.
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


def make_home_folder(folder: Path) -> None:
    """Make ``folder`` and its parents; an ``.aml`` among them gets a `.gitignore` of its own."""
    home = next((each for each in (folder, *folder.parents) if _is_home(each)), None)
    made = home is not None and not home.exists()
    folder.mkdir(parents=True, exist_ok=True)
    # A folder that AML_HOME names may have been there before, with files that are to be committed.
    if home is not None and (made or home.name == HOME):
        with suppress(OSError), (home / ".gitignore").open("x", encoding="utf-8") as sink:
            sink.write(_IGNORE_ALL)


def _is_home(folder: Path) -> bool:
    chosen = os.environ.get("AML_HOME")
    return folder.name == HOME or bool(chosen and folder.absolute() == Path(chosen).absolute())
