"""Finds conda, mamba or micromamba on this machine."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

TOOLS: Final[Mapping[str, Sequence[str]]] = {
    "micromamba": ("create", "--yes", "--no-rc"),
    "mamba": ("env", "create"),
    "conda": ("env", "create"),
}
"""A tool → the command that creates an environment; the first on PATH is used."""


def conda_tool(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the path of micromamba, mamba or conda; ``None`` if none is on PATH."""
    # Not with `shutil`, whose imports take longer than all else that finds a built environment.
    folders = [Path(each) for each in environ.get("PATH", os.defpath).split(os.pathsep)]
    places = (folder / name for name in TOOLS for folder in folders)
    return next((file for file in places if file.is_file() and os.access(file, os.X_OK)), None)
