"""What a project keeps of its experiments: one JSON file each, which several processes change."""

import fcntl
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from infra.contract.errors import StateError
from infra.contract.private import private_file, private_folder


class ExperimentTags:
    """Tags of one experiment, and when it was archived; ``home`` is the ``.aml`` folder."""

    def __init__(self, home: Path, experiment: str) -> None:
        self._file = home / "experiments" / f"{experiment}.json"

    def read(self) -> dict[str, str]:
        """Return the tags. Raises ``StateError`` for a file that is damaged."""
        return self._kept()[0]

    def archived(self) -> float | None:
        """Return when it was archived (seconds since the epoch), ``None`` if it is not."""
        return self._kept()[1]

    def archive(self, moment: float | None) -> None:
        """Archive the experiment; ``None`` makes it active again."""
        with self._locked():
            self._write(self.read(), moment)

    def _kept(self) -> tuple[dict[str, str], float | None]:
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            archived = kept.get("archived")
            tags = {str(key): str(value) for key, value in kept["tags"].items()}
            return tags, None if archived is None else float(archived)
        except FileNotFoundError:
            return {}, None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StateError(
                f"The experiment's tags cannot be read: {error}.",
                remedy="Remove the file; the runs of the experiment keep their own tags.",
                at=str(self._file),
            ) from error

    def change(self, given: Mapping[str, object], removed: Iterable[str] = ()) -> None:
        """Set and remove tags."""
        with self._locked():
            tags = self.read() | {str(key): str(value) for key, value in given.items()}
            for key in removed:
                with suppress(KeyError):
                    del tags[key]
            self._write(tags, self.archived())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        private_folder(self._file.parent)
        lock = private_file(self._file.with_suffix(".lock"))
        with lock.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield

    def _write(self, tags: Mapping[str, str], archived: float | None) -> None:
        document = {"tags": tags, **({} if archived is None else {"archived": archived})}
        staged = private_file(self._file.with_suffix(".new"))
        staged.write_text(json.dumps(document), encoding="utf-8")
        staged.replace(self._file)
