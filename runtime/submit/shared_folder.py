"""The folder that runs on this machine share, as Workbench made it for its runs."""

from pathlib import Path

from runtime.definitions.settings import SHARE_VARIABLE
from runtime.model.runs import RunSpec


def make_shared_folder(spec: RunSpec) -> None:
    """Make the folder that a run's variable names, if it is not there."""
    folder = spec.variables.get(SHARE_VARIABLE)
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
