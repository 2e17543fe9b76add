"""What the carriers of a run on Azure Batch have seen of its task, beside the run's files."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from infra.contract.private import private_file


@dataclass
class Watched:
    """What the carriers of a run have seen of its task; kept in ``batch.json``.

    ``bases``: how many bytes of a file here are of earlier attempts. ``pool``: one that this run
    made under a name of its own.
    """

    requeues: int = 0
    node: str = ""
    bases: dict[str, int] = field(default_factory=dict)
    pool: str = ""

    @staticmethod
    def read(file: Path) -> "Watched":
        with suppress(FileNotFoundError):
            return Watched(**json.loads(file.read_text(encoding="utf-8")))
        return Watched()

    def write(self, file: Path) -> None:
        private_file(file).write_text(json.dumps(asdict(self)), encoding="utf-8")
