"""The stack file's word for each ``computeType`` of the service, and what people call it."""

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
_NAMES: Final = {
    "aml_compute": "compute cluster",
    "hdinsight": "HDInsight cluster",
    "batch": "Batch account",
    "databricks": "Databricks workspace",
    "data_lake_analytics": "Data Lake Analytics account",
    "kubernetes": "Kubernetes cluster",
    "synapse_spark": "Synapse Spark pool",
}


def compute_kind(compute_type: object) -> str | None:
    """Return the kind, ``None`` if the stack file has none for it; the service varies its case."""
    return _KINDS.get(str(compute_type).lower())


def kind_name(kind: str) -> str:
    """Return what people call a kind of compute of the stack file."""
    return _NAMES.get(kind, kind.replace("_", " "))
