"""Azure ML's size limits of a snapshot. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from infra.contract.errors import DefinitionError
from runtime.model.runs import SnapshotFile

MAX_BYTES: Final = 300 * 1024**2
MAX_CHANGED_FILES: Final = 2_000
NO_FILE_LIMIT: Final = "AML_SNAPSHOT_NO_FILE_LIMIT"
"""The variable that disables the limit on changed files, as in Azure ML's SDK."""
_LARGEST_SHOWN: Final = 5


def check_size(sizes: Mapping[str, int], *, at: str) -> None:
    """Raise ``DefinitionError`` if a tree is too big; ``sizes`` maps paths to bytes."""
    total = sum(sizes.values())
    if total <= MAX_BYTES:
        return
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:_LARGEST_SHOWN]
    listed = "\n".join(f"  {_mib(size)} MiB  {path}" for path, size in largest)
    raise DefinitionError(
        f"The snapshot would be {_mib(total)} MiB; the limit is {_mib(MAX_BYTES)} MiB. "
        f"Its largest files:\n{listed}",
        remedy="List what the run does not need in .amlignore, in .gitignore syntax.",
        at=at,
    )


def check_count(
    files: Sequence[SnapshotFile],
    before: Sequence[SnapshotFile],
    environ: Mapping[str, str],
    *,
    at: str,
) -> None:
    """Raise ``DefinitionError`` if too many files were added or changed since ``before``."""
    if environ.get(NO_FILE_LIMIT):
        return
    known = {(file.path, file.sha256) for file in before}
    changed = sum((file.path, file.sha256) not in known for file in files)
    if changed > MAX_CHANGED_FILES:
        raise DefinitionError(
            f"The snapshot has {changed:,} added or changed files; "
            f"the limit is {MAX_CHANGED_FILES:,}.",
            remedy="List what the run does not need in .amlignore, "
            f"or set {NO_FILE_LIMIT}=1 to send them anyway.",
            at=at,
        )


def _mib(size: int) -> str:
    return f"{size / 1024**2:,.1f}"
