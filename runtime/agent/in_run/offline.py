"""The run of a script that runs outside a run: it prints what would be logged.

It has what azureml-core's has and no more: scripts look for ``experiment`` to learn where they are.
"""

import typing
import uuid


class OfflineRun:
    """What ``Run.get_context`` returns outside a run."""

    def __init__(self, parent_logger: object = None, run_id: typing.Optional[str] = None) -> None:
        del parent_logger
        self._run_id = run_id or f"OfflineRun_{uuid.uuid4()}"

    @property
    def id(self) -> str:
        return self._run_id

    @property
    def identity(self) -> str:
        return self._run_id

    def log(self, name: str, value: object, description: str = "", step: object = None) -> None:
        del description, step
        _say("scalar", name, value)

    def log_list(self, name: str, value: object, description: str = "") -> None:
        del description
        _say("list", name, value)

    def log_row(self, name: str, description: object = None, **columns: object) -> None:
        del description
        _say("row", name, columns)

    def log_table(self, name: str, value: object, description: str = "") -> None:
        del description
        _say("table", name, value)

    def log_image(
        self,
        name: str,
        path: object = None,
        plot: object = None,
        description: str = "",
    ) -> None:
        del description
        _say("image", name, plot if path is None else path)

    def log_confusion_matrix(self, name: str, value: object, description: str = "") -> None:
        del description
        _say("confusion_matrix", name, value)

    def log_accuracy_table(self, name: str, value: object, description: str = "") -> None:
        del description
        _say("accuracy_table", name, value)

    def log_residuals(self, name: str, value: object, description: str = "") -> None:
        del description
        _say("residual", name, value)

    def log_predictions(self, name: str, value: object, description: str = "") -> None:
        del description
        _say("predictions", name, value)

    def tag(self, key: str, value: object = None) -> None:
        print(f"Attempted to add tag {key} with value {value}")

    def set_tags(self, tags: typing.Mapping[str, object]) -> None:
        print(f"Attempted to set tags {tags}")

    def add_properties(self, properties: typing.Mapping[str, object]) -> None:
        print(f"Attempted to add properties {properties}")

    def upload_file(self, name: str, path_or_stream: object, datastore_name: object = None) -> None:
        del datastore_name
        print(f"Attempted to track file {name} at {path_or_stream}")

    def upload_files(self, names: object, paths: object, **_: object) -> None:
        print(f"Attempted to track files {names} at {paths}")

    def upload_folder(self, name: str, path: object, datastore_name: object = None) -> None:
        del datastore_name
        print(f"Attempted to track folder {name} at {path}")

    def child_run(
        self, name: object = None, run_id: object = None, outputs: object = None
    ) -> "OfflineRun":
        del name, outputs
        return OfflineRun(run_id=None if run_id is None else str(run_id))

    def begun_child_run(self, name: str, took_s: float) -> "OfflineRun":
        del name, took_s
        return OfflineRun()

    def complete(self, _set_status: bool = True) -> None:
        """Do nothing: there is no run to end."""

    def fail(self, error_details: object = None, error_code: object = None) -> None:
        print(f"Run failed with error code {error_code}:\n{error_details}")

    def cancel(self) -> None:
        """Do nothing: there is no run to cancel."""

    def flush(self, timeout_seconds: float = 300) -> None:
        del timeout_seconds
        print(f"Attempted to flush run with id {self._run_id}")

    def __enter__(self) -> "OfflineRun":
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: there is no run to end."""


def _say(kind: str, name: str, value: object) -> None:
    print(f"Attempted to log {kind} metric {name}:\n{value}")
