"""Services that Azure has retired: since when, and what does their work now."""

from typing import Final

DATA_LAKE_ANALYTICS: Final = "Azure retired Data Lake Analytics on 2024-02-29"
INSTEAD_OF_IT: Final = (
    "Write its U-SQL for Spark (a Databricks workspace, or a cluster of HDInsight), or in Python"
)
"""What to do in place of a job of Data Lake Analytics; the beginning of a sentence."""
