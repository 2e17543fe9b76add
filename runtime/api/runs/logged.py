"""Logging to a run from outside its script: metrics of every type, and what was logged."""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from infra.contract.errors import PlatformError
from runtime.agent.in_run import images, values
from runtime.agent.run_metrics import event_value
from runtime.api.exceptions import UserErrorException
from runtime.api.runs.base import RunBase
from runtime.api.runs.metrics import Metrics, metrics_of
from runtime.api.runs.uploads import upload

_SCHEMAS: Final = {
    "confusion_matrix": ("confusion_matrix", "1.0.0"),
    "accuracy_table": ("accuracy_table", "1.0.1"),
    "residuals": ("residuals", "1.0.0"),
    "predictions": ("predictions", "1.0.0"),
}


class LoggedRun(RunBase):
    """A run to which metrics can be logged, and from which they are read."""

    def log(self, name: str, value: object, description: str = "", step: int | None = None) -> None:
        """Log a number or a text under a name. Several values of one name are a series."""
        known = values.scalar(name, value)
        self._metric(name, known, "text" if isinstance(known, str) else None, step)

    def log_list(self, name: str, value: Sequence[object], description: str = "") -> None:
        """Log a list of values under a name; more lists of that name are appended."""
        self._metric(name, values.values(name, value), "list")

    def log_row(self, name: str, description: str | None = None, **kwargs: object) -> None:
        """Log one row of named columns; rows of one name make a table."""
        self._metric(name, values.columns(name, kwargs), "row")

    def log_table(self, name: str, value: Mapping[str, object], description: str = "") -> None:
        """Log a table: a dictionary from column to a value, or to a list of values."""
        self._metric(name, values.columns(name, value), "table")

    def log_image(
        self, name: str, path: str | Path | None = None, plot: object = None, description: str = ""
    ) -> None:
        """Log an image, from a file or from matplotlib: a figure, or ``pyplot`` itself."""
        stream, _, suffix = images.picture(name, None if path is None else str(path), plot)
        stored = f"{name}_{int(time.time() * 1000)}{suffix}"
        with stream:
            upload(self._source, stored, stream)
        self._metric(name, stored, "image")

    def log_confusion_matrix(self, name: str, value: object, description: str = "") -> None:
        """Log a confusion matrix: a dictionary with ``schema_type`` and ``data``, or its JSON."""
        self._chart(name, value, "confusion_matrix")

    def log_accuracy_table(self, name: str, value: object, description: str = "") -> None:
        """Log an accuracy table: a dictionary with ``schema_type`` and ``data``, or its JSON."""
        self._chart(name, value, "accuracy_table")

    def log_residuals(self, name: str, value: object, description: str = "") -> None:
        """Log residuals: a dictionary with ``schema_type`` and ``data``, or its JSON."""
        self._chart(name, value, "residuals")

    def log_predictions(self, name: str, value: object, description: str = "") -> None:
        """Log predictions: a dictionary with ``schema_type`` and ``data``, or its JSON."""
        self._chart(name, value, "predictions")

    def flush(self, timeout_seconds: int = 300) -> None:
        """Wait until what was logged is stored; it always is when a call returns."""

    def get_metrics(
        self,
        name: str | None = None,
        recursive: bool = False,
        run_type: str | None = None,
        populate: bool = False,
    ) -> Metrics:
        """Return metrics by name: the value, or a list of them in the order they were logged.

        With ``recursive``, those of the run and of all below it, by run id.
        """
        self._refreshed()
        if recursive:
            below: list[LoggedRun] = [self, *self._descendants()]
            return {run.id: run.get_metrics(name) for run in below}
        folder = None
        with suppress(PlatformError):  # large values are files, which a live run does not have yet
            folder = self._source.files()
        events = self._source.events()
        logged = metrics_of(events, self.id, child=self._source.is_part, folder=folder)
        return {key: value for key, value in logged.items() if name in {None, key}}

    def _descendants(self) -> "Sequence[LoggedRun]":
        raise NotImplementedError

    def _metric(
        self, name: str, value: object, kind: str | None = None, step: int | None = None
    ) -> None:
        data = {"key": str(name), "value": event_value(value), "timestamp": int(time.time() * 1000)}
        data |= {"step": step or 0} | ({"type": kind} if kind else {})
        self._source.note("metric", data)

    def _chart(self, name: str, value: object, kind: str) -> None:
        document = json.loads(value) if isinstance(value, str) else values.nested(value)
        if not isinstance(document, dict) or "data" not in document:
            schema, version = _SCHEMAS[kind]
            raise UserErrorException(
                f"{name!r} is not a document of a chart: it has no key `data`.",
                remedy=f"Give {{'schema_type': {schema!r}, 'schema_version': {version!r},"
                " 'data': {…}}.",
            )
        self._metric(name, document, kind)
