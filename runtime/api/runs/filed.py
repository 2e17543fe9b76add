"""The files of a run: listed, uploaded, downloaded, and its code restored."""

import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from infra.contract.load import nearest
from runtime.agent.files import make_folder, readable_below, replacing
from runtime.api.exceptions import UserErrorException, azureml_errors
from runtime.api.runs.base import RunBase
from runtime.api.runs.uploads import upload
from runtime.snapshots.store import SnapshotStore, write_tree
from runtime.snapshots.use import in_use


class FiledRun(RunBase):
    """A run whose files are read and added to. Names are paths with ``/`` between their parts."""

    def get_file_names(self) -> list[str]:
        """Return the names of the files of a run that has ended, or that this process logs."""
        folder = self._files()
        return sorted(name for name in readable_below(folder)) if folder.is_dir() else []

    def get_all_logs(self, destination: str | Path | None = None) -> list[str]:
        """Download all logs (default: to ``outputs/<run id>/logs``) and return their paths."""
        folder = Path(destination or Path("outputs") / self.id / "logs")
        logs = [name for name in self.get_file_names() if name.startswith(_LOGS)]
        return [str(self.download_file(name, folder / name)) for name in logs]

    def upload_file(
        self, name: str, path_or_stream: str | Path | IO[bytes], datastore_name: str | None = None
    ) -> None:
        """Store a file of the run under ``name``."""
        _only_default(datastore_name)
        content = Path(path_or_stream) if isinstance(path_or_stream, str | Path) else path_or_stream
        upload(self._source, name, content)

    def upload_folder(self, name: str, path: str | Path, datastore_name: str | None = None) -> None:
        """Store all files of a folder below ``name``."""
        _only_default(datastore_name)
        folder = Path(path)
        if not folder.is_dir():
            raise UserErrorException(
                f"There is no folder {folder}.",
                remedy="Check the path; it is relative to the working folder.",
            )
        for relative in readable_below(folder):
            upload(self._source, f"{name.rstrip('/')}/{relative}", folder / relative)

    def upload_files(
        self,
        names: Sequence[str],
        paths: Sequence[str | Path],
        return_artifacts: bool = False,
        timeout_seconds: int | None = None,
        datastore_name: str | None = None,
    ) -> None:
        """Store several files, each under its name."""
        for name, path in zip(names, paths, strict=True):
            self.upload_file(name, path, datastore_name)

    def download_file(
        self,
        name: str,
        output_file_path: str | Path | None = None,
        _validate_checksum: bool = False,
    ) -> Path:
        """Copy one file: to a path, into an existing folder, or to its own name here."""
        source = self._files() / name
        if not source.is_file():
            raise UserErrorException(
                f"Run {self.id} has no file {name!r}.",
                remedy=nearest(name, dict.fromkeys(self.get_file_names()), noun="file"),
            )
        wanted = Path(output_file_path or ".")
        is_folder = wanted.is_dir() or str(output_file_path).endswith("/")
        target = wanted / PurePosixPath(name).name if is_folder else wanted
        make_folder(target.parent)
        with source.open("rb") as content, replacing(target) as copy:
            shutil.copyfileobj(content, copy)
        return target

    def download_files(
        self,
        prefix: str | None = None,
        output_directory: str | Path | None = None,
        output_paths: Sequence[str | Path] | None = None,
        batch_size: int = 100,
        append_prefix: bool = True,
        timeout_seconds: int | None = None,
    ) -> list[Path]:
        """Copy all files whose name starts with ``prefix``, keeping their folders.

        Without ``append_prefix`` the prefix is left out of the copies' paths. ``output_paths``
        gives the path of each copy, in the order of the names.
        """
        names = [name for name in self.get_file_names() if name.startswith(prefix or "")]
        folder = Path(output_directory or ".")
        if output_paths is None:
            paths: Sequence[str | Path] = [
                folder / (name if append_prefix else _without(name, prefix or "")) for name in names
            ]
        elif len(output_paths) == len(names):
            paths = output_paths
        else:
            raise UserErrorException(
                f"{len(output_paths)} paths were given for {len(names)} files.",
                remedy=f"Give one path for each of: {', '.join(names)}.",
            )
        return [self.download_file(name, path) for name, path in zip(names, paths, strict=True)]

    def take_snapshot(self, file_or_folder_path: str | Path) -> str:
        """Store a folder as the code of the run, unless it has one; return the snapshot's id."""
        folder = self._session.home / "snapshots"
        with azureml_errors(), in_use(folder):
            taken = SnapshotStore(folder).take(Path(file_or_folder_path))
            self.add_properties({"ContentSnapshotId": taken.snapshot.id})
        return taken.snapshot.id

    def restore_snapshot(
        self, snapshot_id: str | None = None, path: str | Path | None = None
    ) -> str:
        """Write the run's code into the folder ``path`` (default: here) and return its path."""
        wanted = snapshot_id or self.get_snapshot_id()
        if wanted is None:
            raise UserErrorException(
                f"Run {self.id} has no snapshot.", remedy="Name one with `snapshot_id`."
            )
        folder = Path(path or ".") / wanted
        with azureml_errors():
            snapshot = SnapshotStore(self._session.home / "snapshots").load(wanted)
            make_folder(folder)
            write_tree(snapshot, folder)
        return str(folder)

    def _files(self) -> Path:
        self._refreshed()
        left_out: list[str] = []
        with azureml_errors():
            folder = self._source.files(left_out)
        for text in left_out:
            warnings.warn(text, stacklevel=3)
        return folder


_LOGS = ("azureml-logs/", "user_logs/", "logs/")


def _without(name: str, prefix: str) -> str:
    return name[len(prefix) :].lstrip("/") or PurePosixPath(name).name


def _only_default(datastore_name: str | None) -> None:
    if datastore_name is not None:
        raise UserErrorException(
            f"Files of a run are not uploaded to another datastore ({datastore_name!r}).",
            remedy="Leave out `datastore_name`, or use `Datastore.upload_files`.",
        )
