"""``Dataset`` and what belongs to it, as in azureml-core: files and tables by their definition."""

from runtime.agent.assets.abstract_dataset import AbstractDataset
from runtime.agent.assets.column_types import DataType, PromoteHeadersBehavior
from runtime.agent.assets.dataset import Dataset
from runtime.agent.assets.dataset_factory import FileDatasetFactory, TabularDatasetFactory
from runtime.agent.assets.file_dataset import FileDataset
from runtime.agent.assets.tabular_dataset import TabularDataset

__all__ = [
    "AbstractDataset",
    "DataType",
    "Dataset",
    "FileDataset",
    "FileDatasetFactory",
    "PromoteHeadersBehavior",
    "TabularDataset",
    "TabularDatasetFactory",
]
