"""A disk whose power can fail: what was not synced is lost then."""

import os
from pathlib import Path

from infra.engine.state.disk import Disk, Log


class LossyLog(Log):
    """A log that remembers how much of it is safe."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, durable=False)
        self._safe = 0

    def sync(self) -> None:
        super().sync()
        self._safe = self._size

    def lose(self) -> None:
        """Drop the bytes that no ``sync`` covered."""
        os.truncate(self._path, self._safe)


class LossyDisk(Disk):
    """Keeps whole files, which it flushes itself; logs are as safe as their last ``sync``."""

    def __init__(self) -> None:
        super().__init__(durable=False)
        self._logs: list[LossyLog] = []

    def log(self, path: Path) -> Log:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._logs.append(LossyLog(path))
        return self._logs[-1]

    def lose_power(self) -> None:
        for log in self._logs:
            log.lose()
