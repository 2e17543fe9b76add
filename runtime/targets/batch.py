"""The batch target: runs as tasks of an Azure Batch account that the workspace attached.

A run's carrier asks the account (``batch_place``); nothing here does.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

from infra.contract.json_types import Document
from runtime.model.launching import Distribution
from runtime.model.runs import PreparedRun
from runtime.model.services import BatchOptions
from runtime.targets.base import Handle
from runtime.targets.carried import CarriedTarget


class BatchTarget(CarriedTarget):
    """Runs in one account, with their folders below ``<home>/runs``.

    ``account`` and ``workspace`` are ARM ids; the account's key is asked for when it is needed.
    """

    def __init__(
        self,
        name: str,
        home: Path,
        *,
        cloud: Literal["local", "azure"],
        account: str,
        workspace: str,
        manifest: Path,
        stack: str,
    ) -> None:
        place = {"kind": "batch", "cloud": cloud, "account": account, "workspace": workspace}
        super().__init__(name, home, place, manifest=manifest, stack=stack)

    def launch(self, run: PreparedRun) -> Handle:
        """Start the run's carrier and return at once; without a distribution, a script a node."""
        if run.spec.node_count > 1 and run.spec.distribution is None:
            run = replace(run, spec=replace(run.spec, distribution=Distribution("pytorch")))
        return super().launch(run)

    def place_of(self, run: PreparedRun) -> Document:
        """Return the account, and what of it the run uses."""
        spec = run.spec
        return {
            **super().place_of(run),
            "target": self.name,
            "options": asdict(spec.batch or BatchOptions()),
            "node_count": spec.node_count,
            "priority": spec.priority,
            "queue_timeout_s": spec.queue_timeout_s,
            "restarts": spec.retry.max_retries if spec.retry.includes("lost") else 0,
        }
