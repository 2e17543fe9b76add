"""What the task of a run on Databricks is. Pure."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final, Literal

from runtime.model.runs import RunSpec
from runtime.model.services import DatabricksOptions

Work = Literal["agent", "notebook", "python file", "jar", "wheel"]
"""Our agent with a script, or what Databricks runs by itself."""
_OF_FILES: Final[Mapping[str, Work]] = {".ipynb": "notebook", ".jar": "jar", ".whl": "wheel"}


def work_of(spec: RunSpec) -> Work:
    """Return what the task of a run is."""
    options = spec.databricks or DatabricksOptions()
    if options.notebook:
        return "notebook"
    if options.python_file:
        return "python file"
    if options.main_class and not spec.script:
        return "jar"
    return _OF_FILES.get(PurePosixPath(spec.script).suffix.lower(), "agent")
