"""``get_azureml_logger``: how scripts of Azure ML Workbench logged, before there was ``Run``."""

import typing

from .run import Run


class WorkbenchLogger:
    """Logs to the run that the process belongs to; outside a run, it prints."""

    def log(self, name: str, value: typing.Any) -> None:
        """Log a number, a text, or a list of them, under a name."""
        run = Run.get_context()
        if isinstance(value, (list, tuple)):
            run.log_list(name, list(value))
        else:
            run.log(name, value)


def get_azureml_logger() -> WorkbenchLogger:
    """Return the logger of the script's run."""
    return WorkbenchLogger()
