"""``FileDataset``, as in azureml-core: files on datastores, on the web or on this machine."""

import os
import shutil
import tempfile
import uuid
import warnings
from types import TracebackType
from typing import List, Optional, Type

from .abstract_dataset import KINDS, AbstractDataset
from .consumption import DOWNLOAD, MOUNT, DatasetConsumptionConfig
from .definitions import FILE
from .entries import Listing, fetch, list_files
from .errors import UserErrorException, not_offered


class MountContext:
    """A path to a copy of a dataset's files, for the time of a ``with`` block."""

    def __init__(self, dataset: "FileDataset", mount_point: Optional[str]) -> None:
        self._dataset = dataset
        self._own = mount_point is None
        self.mount_point = mount_point or tempfile.mkdtemp(prefix="aml-mount-")
        self._started = False

    def start(self) -> None:
        """Copy the files to the mount point, which is said: nothing is mounted."""
        if not self._started:
            warnings.warn(
                "The dataset is downloaded, not mounted; changes do not go back.", stacklevel=2
            )
            self._dataset.download(self.mount_point, overwrite=True)
            self._started = True

    def stop(self) -> None:
        """Remove the copy, unless its place was given."""
        if self._own:
            shutil.rmtree(self.mount_point, ignore_errors=True)
        self._started = False

    def __enter__(self) -> "MountContext":
        self.start()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.stop()


class FileDataset(AbstractDataset):
    """Files, and which of them."""

    def to_path(self) -> List[str]:
        """Return the files' paths below the dataset's folder, each with a slash in front."""
        listing = self._listing()
        return ["/" + listing.relative(entry) for entry in listing.entries]

    def download(
        self,
        target_path: Optional[str] = None,
        overwrite: bool = False,
        ignore_not_found: bool = False,
    ) -> List[str]:
        """Copy the files to a folder, by default a temporary one; return their paths.

        Raises ``UserErrorException`` for a file that is there, unless ``overwrite``.
        """
        folder = str(target_path or tempfile.mkdtemp(prefix="aml-data-"))
        try:
            listing = self._listing()
        except UserErrorException:
            if ignore_not_found:
                return []
            raise
        if not overwrite:
            paths = [os.path.join(folder, listing.relative(entry)) for entry in listing.entries]
            there = [path for path in paths if os.path.exists(path)]
            if there:
                raise UserErrorException(
                    f"{there[0]} already exists; give overwrite=True to replace it."
                )
        return fetch(listing, folder)

    def mount(self, mount_point: Optional[str] = None) -> MountContext:
        """Return a context in whose block ``mount_point`` holds a copy of the files."""
        return MountContext(self, mount_point)

    def as_mount(self, path_on_compute: Optional[str] = None) -> DatasetConsumptionConfig:
        """Return the dataset as an input of a run, with a name of its own."""
        return DatasetConsumptionConfig(_some_name(), self, MOUNT, path_on_compute)

    def as_download(self, path_on_compute: Optional[str] = None) -> DatasetConsumptionConfig:
        """Return the dataset as a copied input of a run, with a name of its own."""
        return DatasetConsumptionConfig(_some_name(), self, DOWNLOAD, path_on_compute)

    def as_hdfs(self) -> None:
        raise not_offered("FileDataset.as_hdfs", "Use as_mount or as_download.")

    def as_cache(self, datacache_store: object = None) -> None:
        raise not_offered(
            "FileDataset.as_cache", "Use as_mount or as_download: files are copied to the run."
        )

    def filter(self, expression: object) -> None:
        raise not_offered("FileDataset.filter", "Choose the files by a pattern in their path.")

    def _listing(self) -> Listing:
        return list_files(self._definition.sources, self._workspace, self._definition.steps)


KINDS[FILE] = FileDataset


def _some_name() -> str:
    return "input_" + uuid.uuid4().hex[:8]
