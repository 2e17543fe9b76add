"""Environments that jobs of tests need: built once for all workers, and for the next time."""

from pathlib import Path

KEPT = Path(__file__).parents[1] / ".uv" / "environments"


def keep_environments(home: Path) -> None:
    """Have a home use the environments that are kept, unless it has built some of its own."""
    KEPT.mkdir(parents=True, exist_ok=True)
    folder = home / "environments"
    if not folder.exists():
        folder.symlink_to(KEPT)
