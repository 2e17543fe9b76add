"""The batch target: runs as tasks of an Azure Batch account that the workspace attached.

A run's carrier asks the account (``batch_place``); nothing here does.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final, Literal

from infra.contract.errors import UsageError
from infra.contract.json_types import Document
from runtime.model.launching import Distribution
from runtime.model.runs import PreparedRun, RunSpec
from runtime.model.services import BatchOptions
from runtime.targets.base import Handle
from runtime.targets.batch_bodies import parse_image
from runtime.targets.carried import CarriedTarget

_OF_MADE_POOLS: Final = ("vm_size", "image", "nodes", "low_priority")
_POOL: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


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


def require_possible(spec: RunSpec) -> None:
    """Raise ``UsageError`` with every problem in a run's options of Azure Batch."""
    found = list(_problems(spec.batch or BatchOptions()))
    if found:
        raise UsageError(
            "\n".join(each for each, _ in found),
            remedy=" ".join(dict.fromkeys(remedy for _, remedy in found)),
            at=spec.origins.get("batch"),
        )


def _problems(options: BatchOptions) -> Iterator[tuple[str, str]]:
    """Yield what is wrong, and what to do."""
    try:
        parse_image(options.image)
    except UsageError as error:
        yield error.detail, error.remedy
    if options.pool and not _POOL.fullmatch(options.pool):
        yield (
            f"{options.pool!r} cannot be the name of a pool.",
            "Names have 1-64 letters of ASCII, digits, hyphens and underscores.",
        )
    usual = BatchOptions()
    shaped = [name for name in _OF_MADE_POOLS if getattr(options, name) != getattr(usual, name)]
    if options.pool and not options.create_pool and shaped:
        names = " and ".join(shaped)
        yield (
            f"{names} would have no effect: pool {options.pool!r} has nodes of its own.",
            "Leave them out, or add `create_pool: true`, which makes the pool unless it is there.",
        )
