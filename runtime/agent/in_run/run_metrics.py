"""What a run logs, and what it and the runs below it logged."""

import json
import time
import typing

from . import connection, files, images, metric_shapes, values
from .connection import Json
from .errors import UserErrorException


class LogsMetrics:
    """The methods of a run that log and return metrics."""

    _run_id: str

    def log(
        self,
        name: str,
        value: object,
        description: str = "",
        step: typing.Optional[int] = None,
    ) -> None:
        """Log a number or a text; several calls make a series."""
        del description
        plain = values.scalar(name, value)
        kind = "text" if isinstance(plain, str) else "number"
        self._log(name, plain, kind, step)

    def log_list(self, name: str, value: object, description: str = "") -> None:
        del description
        self._log(name, values.values(name, value), "list")

    def log_row(
        self, name: str, description: typing.Optional[str] = None, **columns: object
    ) -> None:
        """Log a row; several calls make a table."""
        del description
        self._log(name, values.columns(name, columns), "row")

    def log_table(
        self, name: str, value: typing.Mapping[str, typing.Any], description: str = ""
    ) -> None:
        del description
        self._log(name, values.columns(name, value), "table")

    def log_image(
        self,
        name: str,
        path: typing.Optional[str] = None,
        plot: object = None,
        description: str = "",
    ) -> None:
        """Log a picture: the file ``path``, or ``plot``, a figure of matplotlib or pyplot."""
        del description
        stream, size, extension = images.picture(name, path, plot)
        artifact = files.clean_name(f"{name}_{int(time.time() * 1000000)}{extension}")
        with stream:
            connection.upload(self._run_id, artifact, stream, size)
        self._log(name, artifact, "image")

    def log_confusion_matrix(self, name: str, value: object, description: str = "") -> None:
        """Log a confusion matrix, as ``schema_type``, ``schema_version`` and ``data``."""
        del description
        self._log_chart(name, value, "confusion_matrix")

    def log_accuracy_table(self, name: str, value: object, description: str = "") -> None:
        del description
        self._log_chart(name, value, "accuracy_table")

    def log_residuals(self, name: str, value: object, description: str = "") -> None:
        del description
        self._log_chart(name, value, "residuals")

    def log_predictions(self, name: str, value: object, description: str = "") -> None:
        del description
        self._log_chart(name, value, "predictions")

    def flush(self, timeout_seconds: float = 300) -> None:
        """Do nothing: each call that logs has reached the agent when it returns."""
        del timeout_seconds

    def get_metrics(
        self,
        name: typing.Optional[str] = None,
        recursive: bool = False,
        run_type: object = None,
        populate: bool = False,
    ) -> Json:
        """Return what was logged: one value as it is, several as a list in the order of logging.

        With ``recursive``, those of the run and of all below it, by run id.
        """
        del run_type, populate
        if recursive:
            ids = [self._run_id, *(str(child["id"]) for child in self._children(recursive=True))]
            return {run_id: _shown(run_id, name) for run_id in ids}
        return _shown(self._run_id, name)

    def _log_chart(self, name: str, value: object, kind: str) -> None:
        document = json.loads(value) if isinstance(value, str) else values.nested(value)
        if not isinstance(document, dict):
            raise UserErrorException(
                f"The {kind} {name!r} must be a dictionary with schema_type, schema_version, data."
            )
        self._log(name, document, kind)

    def _log(self, name: str, value: object, kind: str, step: typing.Optional[int] = None) -> None:
        connection.call("log", run=self._run_id, key=str(name), value=value, type=kind, step=step)

    def _children(self, recursive: bool) -> typing.List[Json]:
        found = connection.call("children", run=self._run_id, recursive=recursive)["runs"]
        return typing.cast("typing.List[Json]", found)


def _shown(run_id: str, name: typing.Optional[str]) -> Json:
    found = connection.call("metrics", run=run_id)["metrics"]
    return {
        key: metric_shapes.shown(logged)
        for key, logged in found.items()
        if name is None or key == name
    }
