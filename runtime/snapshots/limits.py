"""Azure ML's size limits of a snapshot. Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from infra.contract.errors import DefinitionError
from runtime.model.runs import SnapshotFile
from runtime.snapshots.sizes import largest_entries, mib

MAX_BYTES: Final = 300 * 1024**2
MAX_CHANGED_FILES: Final = 2_000
NO_FILE_LIMIT: Final = "AML_SNAPSHOT_NO_FILE_LIMIT"
"""The variable that disables the limit on changed files, as in Azure ML's SDK."""


def check_size(sizes: Mapping[str, int], *, at: str) -> None:
    """Raise ``DefinitionError`` if a tree is too big; ``sizes`` maps paths to bytes."""
    total = sum(sizes.values())
    if total <= MAX_BYTES:
        return
    listed = "\n".join(f"  {entry}" for entry in largest_entries(sizes))
    raise DefinitionError(
        f"The snapshot would be {mib(total)} MiB; the limit is {mib(MAX_BYTES)} MiB. "
        f"Its largest entries:\n{listed}",
        remedy="List what the run does not need in .amlignore, in .gitignore syntax.",
        at=at,
    )


def check_count(
    files: Sequence[SnapshotFile],
    before: Collection[tuple[str, str]],
    environ: Mapping[str, str],
    *,
    at: str,
) -> None:
    """Raise ``DefinitionError`` if too many files were added or changed.

    ``before`` has the path and hash of each file of the folder's last snapshot.
    """
    if environ.get(NO_FILE_LIMIT):
        return
    changed = sum((file.path, file.sha256) not in before for file in files)
    if changed > MAX_CHANGED_FILES:
        raise DefinitionError(
            f"The snapshot has {changed:,} added or changed files; "
            f"the limit is {MAX_CHANGED_FILES:,}.",
            remedy="List what the run does not need in .amlignore, "
            f"or set {NO_FILE_LIMIT}=1 to send them anyway.",
            at=at,
        )
