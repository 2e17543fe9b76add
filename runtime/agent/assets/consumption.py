"""``DatasetConsumptionConfig``, as in azureml-core: a dataset as an input of a run."""

from typing import Optional

from .errors import UserErrorException, not_offered
from .references import variable

DIRECT, MOUNT, DOWNLOAD = "direct", "mount", "download"
MODES = (DIRECT, MOUNT, DOWNLOAD)


class DatasetConsumptionConfig:
    """An input called ``name``: a dataset, and how the script gets at it.

    ``direct`` gives the dataset itself in ``run.input_datasets``, the other modes a path. Its text,
    ``$AZUREML_DATAREFERENCE_<name>``, stands for the path, or the dataset's id, in an argument.
    """

    def __init__(
        self,
        name: str,
        dataset: object,
        mode: str = DIRECT,
        path_on_compute: Optional[str] = None,
    ) -> None:
        if mode not in MODES:
            raise UserErrorException(f"{mode!r} is not a mode: use {', '.join(MODES)}.")
        self.name = name
        self.dataset = dataset
        self.mode = mode
        self.path_on_compute = path_on_compute

    def as_mount(self, path_on_compute: Optional[str] = None) -> "DatasetConsumptionConfig":
        """Return the input as a path to read from."""
        return DatasetConsumptionConfig(self.name, self.dataset, MOUNT, path_on_compute)

    def as_download(self, path_on_compute: Optional[str] = None) -> "DatasetConsumptionConfig":
        """Return the input as a path to a copy."""
        return DatasetConsumptionConfig(self.name, self.dataset, DOWNLOAD, path_on_compute)

    def as_hdfs(self) -> None:
        raise not_offered("DatasetConsumptionConfig.as_hdfs", "Use as_mount or as_download.")

    def __str__(self) -> str:
        return "$" + variable(self.name)

    def __repr__(self) -> str:
        return f"DatasetConsumptionConfig(name={self.name!r}, mode={self.mode!r})"
