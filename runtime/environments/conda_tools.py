"""Finds conda, mamba or micromamba on this machine."""

import os
import shutil
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
    found = (shutil.which(name, path=environ.get("PATH", os.defpath)) for name in TOOLS)
    return next((Path(path) for path in found if path), None)
