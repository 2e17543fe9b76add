"""The tags of a project's experiments: one JSON file each, which several processes may change."""

import fcntl
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from infra.contract.errors import StateError
from infra.contract.private import private_file, private_folder


class ExperimentTags:
    """The tags of one experiment; ``home`` is the project's ``.aml`` folder."""

    def __init__(self, home: Path, experiment: str) -> None:
        self._file = home / "experiments" / f"{experiment}.json"

    def read(self) -> dict[str, str]:
        """Return the tags. Raises ``StateError`` for a file that is damaged."""
        try:
            tags = json.loads(self._file.read_text(encoding="utf-8"))["tags"]
            return {str(key): str(value) for key, value in tags.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StateError(
                f"The experiment's tags cannot be read: {error}.",
                remedy="Remove the file; the runs of the experiment keep their own tags.",
                at=str(self._file),
            ) from error

    def change(self, given: Mapping[str, object], removed: Iterable[str] = ()) -> None:
        """Set and remove tags."""
        private_folder(self._file.parent)
        lock = private_file(self._file.with_suffix(".lock"))
        with lock.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            tags = self.read() | {str(key): str(value) for key, value in given.items()}
            for key in removed:
                with suppress(KeyError):
                    del tags[key]
            staged = private_file(self._file.with_suffix(".new"))
            staged.write_text(json.dumps({"tags": tags}), encoding="utf-8")
            staged.replace(self._file)
