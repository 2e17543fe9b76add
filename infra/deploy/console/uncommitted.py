"""What git says of a stack file: whether what is deployed is what was committed."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

_TIMEOUT_S: Final = 5.0


def uncommitted(file: Path) -> str:
    """Return ``modified`` or ``untracked``; empty if it is committed, or git does not know."""
    git = shutil.which("git")
    if git is None:
        return ""
    try:
        answer = subprocess.run(
            [git, "status", "--porcelain", "--untracked-files=all", "--", file.name],
            cwd=file.parent, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    if answer.returncode or not answer.stdout.strip():
        return ""
    return "untracked" if answer.stdout.startswith("??") else "modified"
