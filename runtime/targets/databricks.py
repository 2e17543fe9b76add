"""The Databricks target: one-time runs in an attached workspace.

A run's carrier speaks with the workspace (``databricks_place``); nothing here connects to it.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from infra.contract.errors import UsageError
from infra.contract.json_types import Document
from runtime.model.runs import PreparedRun, RunSpec
from runtime.targets.base import Handle
from runtime.targets.carried import CarriedTarget
from runtime.targets.databricks_tasks import options_of, problems
from runtime.targets.databricks_work import work_of
from runtime.targets.references import read_reference

KIND: Final = "databricks"
_HERE: Final = ("env:", "file:")
"""References that are read without asking anyone."""


class DatabricksTarget(CarriedTarget):
    """Runs in one workspace, with their folders below ``<home>/runs``.

    ``resource_id`` is the ARM id of the Databricks workspace, ``credentials`` are references.
    """

    def __init__(
        self,
        name: str,
        home: Path,
        resource_id: str,
        credentials: Mapping[str, str],
        *,
        cloud: str,
        manifest: Path,
        stack: str,
    ) -> None:
        place = {
            "kind": KIND,
            "target": name,
            "cloud": cloud,
            "resource_id": resource_id,
            "credentials": dict(credentials),
        }
        super().__init__(name, home, place, manifest=manifest, stack=stack)

    def check(self, spec: RunSpec) -> None:
        """Raise also for a token that cannot be read from its variable or file."""
        super().check(spec)
        reference = str(self._place["credentials"].get("access_token", ""))
        if reference.startswith(_HERE):
            read_reference(reference, self._home.parent, os.environ)

    def launch(self, run: PreparedRun) -> Handle:
        """Start the run's carrier and return at once."""
        require_possible(run.spec)
        return super().launch(run)

    def place_of(self, run: PreparedRun) -> Document:
        """Return the workspace, and what the run's task is there."""
        return {
            **super().place_of(run),
            "options": asdict(options_of(run.spec)),
            "in_driver": run.spec.framework == "PySpark" and not run.spec.command,
            "work": work_of(run.spec),
            "script": run.spec.script,
        }


def require_possible(spec: RunSpec) -> None:
    """Raise ``UsageError`` with every contradiction in a run's options of Databricks."""
    found = problems(spec)
    if found:
        raise UsageError(
            "\n".join(found),
            remedy="Correct `databricks` in the run's definition.",
            at=spec.origins.get("databricks"),
        )
