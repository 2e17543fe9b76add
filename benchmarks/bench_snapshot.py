"""Snapshot a folder of 2,000 files: cold, unchanged, one byte changed, beside hashing it all.

The peer is what a tool without a cache must do each time: read and SHA-256 every file. For 10,000
small files, unchanged, the peer is `git status`, which also asks for the `stat` of each file.
"""

import hashlib
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from runtime.snapshots.store import SnapshotStore

FILES, SIZE = 2_000, 100 * 1024
MANY = 10_000
NO_LIMIT = {"AML_SNAPSHOT_NO_FILE_LIMIT": "1"}
IGNORED = "*.pyc\n/outputs\n/data/\n.ipynb_checkpoints\n*.log\n!keep.log\n"


def timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def make(folder: Path) -> None:
    for number in range(FILES):
        file = folder / f"part{number % 20:02}" / f"file{number:04}.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(number.to_bytes(4, "big") * (SIZE // 4))


def hash_all(folder: Path) -> None:
    for file in folder.rglob("*.bin"):
        hashlib.sha256(file.read_bytes()).digest()


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        source, store = Path(top) / "source", SnapshotStore(Path(top) / "snapshots")
        make(source)
        peer = min(timed(lambda: hash_all(source)) for _ in range(3))
        rows = {"cold": timed(lambda: store.take(source))}
        rows["unchanged"] = min(timed(lambda: store.take(source)) for _ in range(3))
        changed = source / "part00" / "file0000.bin"
        changed.write_bytes(b"x" + changed.read_bytes()[1:])
        rows["one byte changed"] = timed(lambda: store.take(source))
    print(f"{FILES} files of {SIZE // 1024} KiB; hashing all of them takes {peer:.3f} s")
    for name, seconds in rows.items():
        print(f"{name:18} {seconds:7.3f} s   {seconds / peer:5.2f} x hashing all")


def many_unchanged() -> None:
    """Print the time for 10,000 unchanged files, and that of `git status` on the same tree."""
    with tempfile.TemporaryDirectory() as top:
        source, store = Path(top) / "source", SnapshotStore(Path(top) / "snapshots", NO_LIMIT)
        for number in range(MANY):
            file = source / f"package{number % 100:02}" / f"module{number:05}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"value = {number}\n")
        (source / ".gitignore").write_text(IGNORED)
        for command in (["init", "-q"], ["add", "."]):
            subprocess.run(["git", *command], cwd=source, check=True)
        time.sleep(0.2)  # files written just now are read again
        store.take(source)
        ours = min(timed(lambda: store.take(source)) for _ in range(5))
        status = ["git", "status", "--porcelain"]
        peer = min(
            timed(lambda: subprocess.run(status, cwd=source, check=True, capture_output=True))
            for _ in range(5)
        )
        again = store.take(source)
    assert again.read_files == 0
    print(f"{MANY} files unchanged: {ours:.3f} s, {ours / peer:.1f} x `git status` ({peer:.3f} s)")


if __name__ == "__main__":
    main()
    many_unchanged()
