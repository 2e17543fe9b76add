"""The offline run: what ``Run.get_context()`` returns outside a run. It prints what is logged."""

import sys
import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from runtime.api.exceptions import RunEnvironmentException

__all__ = ["OfflineRun"]


class OfflineRun:
    """A run that is not recorded: logging prints, and everything else has no effect.

    It has no experiment: reading that is an ``AttributeError``, which scripts rely on.
    """

    def __init__(self) -> None:
        self.id = f"OfflineRun_{uuid.uuid4()}"
        self.name = self.id
        self.parent = None
        self.status = "Running"
        self.tags: dict[str, str] = {}
        self.properties: dict[str, str] = {}
        self.input_datasets: dict[str, object] = {}
        self.output_datasets: dict[str, object] = {}

    def log(self, name: str, value: object, description: str = "", step: object = None) -> None:
        """Print a metric."""
        _attempted("scalar metric", name, value)

    def log_list(self, name: str, value: object, description: str = "") -> None:
        """Print a list."""
        _attempted("list", name, value)

    def log_row(self, name: str, description: str | None = None, **kwargs: object) -> None:
        """Print a row."""
        _attempted("row", name, kwargs)

    def log_table(self, name: str, value: object, description: str = "") -> None:
        """Print a table."""
        _attempted("table", name, value)

    def log_image(
        self, name: str, path: object = None, plot: object = None, description: str = ""
    ) -> None:
        """Print which image would be logged."""
        _attempted("image", name, path if path is not None else plot)

    def log_confusion_matrix(self, name: str, value: object, description: str = "") -> None:
        """Print a confusion matrix."""
        _attempted("confusion matrix", name, value)

    def log_accuracy_table(self, name: str, value: object, description: str = "") -> None:
        """Print an accuracy table."""
        _attempted("accuracy table", name, value)

    def log_residuals(self, name: str, value: object, description: str = "") -> None:
        """Print residuals."""
        _attempted("residuals", name, value)

    def log_predictions(self, name: str, value: object, description: str = "") -> None:
        """Print predictions."""
        _attempted("predictions", name, value)

    def upload_file(self, name: str, path_or_stream: object, datastore_name: object = None) -> None:
        """Print which file would be uploaded."""
        _attempted("upload of file", name, path_or_stream)

    def upload_folder(self, name: str, path: object, datastore_name: object = None) -> None:
        """Print which folder would be uploaded."""
        _attempted("upload of folder", name, path)

    def tag(self, key: str, value: object = None) -> None:
        """Keep a tag in memory."""
        self.tags[key] = "" if value is None else str(value)

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Keep tags in memory."""
        for key, value in tags.items():
            self.tag(key, value)

    def get_tags(self) -> dict[str, str]:
        """Return the tags in memory."""
        return dict(self.tags)

    def add_properties(self, properties: Mapping[str, object]) -> None:
        """Keep properties in memory."""
        self.properties |= {key: str(value) for key, value in properties.items()}

    def get_properties(self) -> dict[str, str]:
        """Return the properties in memory."""
        return dict(self.properties)

    def get_metrics(self, name: str | None = None, **_: object) -> dict[str, object]:
        """Return nothing: an offline run keeps no metrics."""
        return {}

    def get_status(self) -> str:
        """Return ``Running``."""
        return self.status

    def get_environment(self) -> object:
        """Refuse: an offline run has no environment of its own."""
        raise RunEnvironmentException(
            "The offline run has no environment.", remedy="Submit the script as a run."
        )

    def child_run(self, name: str | None = None, **_: object) -> "OfflineRun":
        """Return another offline run."""
        return OfflineRun()

    def start(self) -> None:
        """Do nothing."""

    def complete(self, _set_status: bool = True) -> None:
        """Do nothing: the process goes on."""

    def fail(self, error_details: object = None, error_code: object = None) -> None:
        """Do nothing: the process decides how it ends."""

    def cancel(self) -> None:
        """Do nothing."""

    def flush(self, timeout_seconds: int = 300) -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def __repr__(self) -> str:
        return f"Run(Id: {self.id}, Type: offline)"


def _attempted(what: str, name: str, value: object) -> None:
    sys.stdout.write(f"Attempted to log {what} {name}:\n{value}\n")
