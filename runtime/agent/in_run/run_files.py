"""The files of a run: uploading, listing, downloading."""

import typing

from . import connection, files
from .errors import UserErrorException
from .late import refused


class HasFiles:
    """The methods of a run that deal with files."""

    _run_id: str

    def upload_file(
        self, name: str, path_or_stream: files.PathOrStream, datastore_name: object = None
    ) -> None:
        """Store a file of the run; it is visible at once."""
        _refuse_datastore(datastore_name)
        files.upload_file(self._run_id, name, path_or_stream)

    def upload_files(
        self,
        names: typing.Sequence[str],
        paths: typing.Sequence[str],
        return_artifacts: bool = False,
        timeout_seconds: typing.Optional[int] = None,
        datastore_name: object = None,
    ) -> None:
        del return_artifacts, timeout_seconds
        _refuse_datastore(datastore_name)
        if len(names) != len(paths):
            raise UserErrorException(f"upload_files: {len(names)} names for {len(paths)} paths.")
        for name, path in zip(names, paths):
            files.upload_file(self._run_id, name, path)

    def upload_folder(self, name: str, path: str, datastore_name: object = None) -> None:
        _refuse_datastore(datastore_name)
        files.upload_folder(self._run_id, name, str(path))

    def get_file_names(self) -> typing.List[str]:
        """Return the names of the run's files, those in ``outputs`` and ``logs`` among them."""
        found = connection.call("files", run=self._run_id)["files"]
        return typing.cast("typing.List[str]", found)

    def download_file(
        self,
        name: str,
        output_file_path: typing.Optional[str] = None,
        _validate_checksum: bool = False,
    ) -> None:
        files.download_file(self._run_id, name, output_file_path)

    def download_files(
        self,
        prefix: typing.Optional[str] = None,
        output_directory: typing.Optional[str] = None,
        output_paths: typing.Optional[typing.Sequence[str]] = None,
        batch_size: int = 100,
        append_prefix: bool = True,
        timeout_seconds: typing.Optional[int] = None,
    ) -> None:
        """Download the files whose names begin with ``prefix``, keeping their folders."""
        del batch_size, timeout_seconds
        names = [each for each in self.get_file_names() if each.startswith(prefix or "")]
        if output_paths and len(output_paths) != len(names):
            raise UserErrorException(
                f"download_files: {len(output_paths)} paths for {len(names)} files."
            )
        for number, name in enumerate(names):
            below = name if append_prefix else name[len(prefix or "") :].lstrip("/")
            place = output_paths[number] if output_paths else f"{output_directory or '.'}/{below}"
            files.download_file(self._run_id, name, place)

    def get_all_logs(self, destination: typing.Optional[str] = None) -> typing.List[str]:
        """Download the logs, by default to ``assets/<run id>``, and return their paths."""
        folders = ("user_logs/", "azureml-logs/", "logs/")
        names = [each for each in self.get_file_names() if each.startswith(folders)]
        place = destination or f"assets/{self._run_id}"
        return [files.download_file(self._run_id, name, f"{place}/{name}") for name in names]


def _refuse_datastore(datastore_name: object) -> None:
    if datastore_name is not None:
        raise refused(
            "Uploading a run's file to a datastore",
            "Leave out datastore_name, or upload it with Datastore.upload_files.",
        )
