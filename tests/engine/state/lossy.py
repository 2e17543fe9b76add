"""A disk whose power can fail: what was not synced is lost then."""

import os
from pathlib import Path

from infra.engine.state.disk import Disk, FileLog


class LossyLog(FileLog):
    """A log that remembers how much of it is safe."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, durable=False)
        self._safe = 0

    def sync(self) -> None:
        super().sync()
        self._safe = self._size

    def lose(self) -> None:
        """Drop the bytes that no ``sync`` covered."""
        if self._path.exists():
            os.truncate(self._path, self._safe)


class LossyDisk(Disk):
    """Keeps whole files, which it flushes itself; logs are as safe as their last ``sync``.

    Names are as safe as the last flush of their folder.
    """

    def __init__(self) -> None:
        super().__init__(durable=False)
        self._logs: list[LossyLog] = []
        self._unsafe: list[tuple[Path, bytes | None]] = []

    def log(self, path: Path) -> FileLog:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._logs.append(LossyLog(path))
        return self._logs[-1]

    def rename(self, source: Path, target: Path) -> None:
        self._remember(target, source)
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        self._remember(path)
        super().remove(path)

    def _remember(self, *paths: Path) -> None:
        self._unsafe += [(each, each.read_bytes() if each.exists() else None) for each in paths]

    def _flush_folder(self, folder: Path) -> None:
        self._unsafe = [each for each in self._unsafe if each[0].parent != folder]

    def lose_power(self) -> None:
        for path, content in reversed(self._unsafe):
            path.unlink(missing_ok=True)
            if content is not None:
                path.write_bytes(content)
        for log in self._logs:
            log.lose()
