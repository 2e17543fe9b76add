"""``Model`` inside a run, whose workspace is the one that ``get_model_path`` downloads from."""

import typing

from ..assets import model
from .errors import RunEnvironmentException
from .run import Run

Model = model.Model


def _workspace() -> typing.Any:
    try:
        return Run.get_context(False).experiment.workspace
    except RunEnvironmentException:
        return None


model.workspaces.append(_workspace)
