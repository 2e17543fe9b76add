"""The data of a search: datasets as inputs of its run, data frames as files that are sent."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from infra.contract.errors import UsageError
from infra.contract.load import nearest
from runtime.agent.assets.abstract_dataset import AbstractDataset
from runtime.agent.assets.consumption import DatasetConsumptionConfig
from runtime.agent.assets.file_dataset import FileDataset
from runtime.api.data import dataset_data
from runtime.model.data import DataInput

__all__: list[str] = []


@runtime_checkable
class Frame(Protocol):
    """A data frame of pandas, whichever version it is of."""

    columns: Iterable[object]

    def to_csv(self, *, index: bool) -> str: ...


@dataclass(frozen=True, slots=True)
class AutoMLData:
    """Inputs of the run, and texts of CSV files by the names of the inputs they stand for."""

    inputs: tuple[DataInput, ...] = ()
    tables: Mapping[str, str] = field(default_factory=dict)


def data_of(given: Mapping[str, object]) -> AutoMLData:
    """Return data by the names of the inputs that it is for. Raises ``UsageError``."""
    tables = {
        name: each.to_csv(index=False)
        for name, each in given.items()
        if isinstance(each, Frame) and not isinstance(each, AbstractDataset)
    }
    inputs = tuple(_input(name, each) for name, each in given.items() if name not in tables)
    return AutoMLData(inputs, tables)


def missing_columns(given: Mapping[str, object], needed: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each column that a data frame does not have.

    Datasets are read where the search runs, which says the same.
    """
    for name, frame in given.items():
        if isinstance(frame, Frame) and not isinstance(frame, AbstractDataset):
            known = dict.fromkeys(map(str, frame.columns))
            for each in needed:
                if each not in known:
                    yield f"`{name}` has no column {each!r}. {nearest(each, known, noun='column')}"


def _input(name: str, value: object) -> DataInput:
    if isinstance(value, DatasetConsumptionConfig):
        return replace(dataset_data(value), name=name)
    if isinstance(value, FileDataset):
        return dataset_data(DatasetConsumptionConfig(name, value, "mount"))
    if isinstance(value, AbstractDataset):
        return dataset_data(DatasetConsumptionConfig(name, value))
    raise UsageError(
        f"{name} is {type(value).__name__}, which is not a table.",
        remedy="Give a dataset, such as `Dataset.Tabular.from_delimited_files(…)`, or a data frame"
        " of pandas.",
    )
