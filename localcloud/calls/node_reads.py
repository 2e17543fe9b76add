"""Which inputs of a job other nodes of its pipeline write: a property of the job. Pure."""

from collections.abc import Iterable
from typing import Final

from infra.contract.json_types import Document

READS: Final = "aml.pipeline.reads"
"""The property: the names of the inputs. A node may write nothing for another to read."""


def noted_reads(names: Iterable[str]) -> dict[str, str]:
    """Return the property of a job with such inputs, none without."""
    text = ",".join(names)
    return {READS: text} if text else {}


def read_of_nodes(properties: Document) -> frozenset[str]:
    """Return the inputs that other nodes write, from what a job has as ``properties``."""
    return frozenset(str(properties.get(READS) or "").split(","))
