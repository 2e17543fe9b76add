"""The stack file's word for each ``computeType`` of the service."""

from typing import Final

_KINDS: Final = {
    "amlcompute": "aml_compute",
    "computeinstance": "compute_instance",
    "virtualmachine": "virtual_machine",
    "hdinsight": "hdinsight",
    "batch": "batch",
    "databricks": "databricks",
    "datalakeanalytics": "data_lake_analytics",
    "kubernetes": "kubernetes",
    "synapsespark": "synapse_spark",
}


def compute_kind(compute_type: object) -> str | None:
    """Return the kind, ``None`` if the stack file has none for it; the service varies its case."""
    return _KINDS.get(str(compute_type).lower())
