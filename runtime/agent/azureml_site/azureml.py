"""``azureml`` inside a run: a module that is a package, whose modules come from a table.

The agent puts this folder first on the script's path. Where Microsoft's package is to be preferred
and is there, this module makes way for it.
"""

from aml_agent.in_run.finder import install

__path__ = []  # type: ignore[var-annotated] # a package, none of whose modules is a file here

install(__name__)
