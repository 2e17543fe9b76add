"""``Dataset``, as in azureml-core: where datasets are made and found."""

from .abstract_dataset import AbstractDataset
from .dataset_factory import FileDatasetFactory, TabularDatasetFactory
from .errors import not_offered


class Scenario:
    """What a dataset is used for, for ``get_by_name``; it changes nothing here."""

    TRAINING = "train"
    VALIDATION = "validation"
    TEST = "test"
    INFERENCE = "inferencing"
    MODELDATA = "monitoring"


class Dataset:
    """Where datasets are made (``Dataset.File``, ``Dataset.Tabular``) and found."""

    File = FileDatasetFactory
    Tabular = TabularDatasetFactory
    Scenario = Scenario
    get_by_name = staticmethod(AbstractDataset.get_by_name)
    get_by_id = staticmethod(AbstractDataset.get_by_id)
    get_all = staticmethod(AbstractDataset.get_all)

    def __init__(self, *_: object, **__: object) -> None:
        raise not_offered("Dataset(...)", "Use Dataset.File.from_files or Dataset.Tabular.")


def _older(verb: str, instead: str) -> "staticmethod[..., None]":
    def refuse(*_: object, **__: object) -> None:
        raise not_offered("Dataset." + verb, instead)

    return staticmethod(refuse)


# The first generation of datasets, which azureml-core had deprecated in 2019.
for _verb, _instead in {
    "get": "Use Dataset.get_by_name or Dataset.get_by_id.",
    "list": "Use Dataset.get_all.",
    "auto_read_files": "Use Dataset.Tabular.from_delimited_files.",
    "from_delimited_files": "Use Dataset.Tabular.from_delimited_files.",
    "from_parquet_files": "Use Dataset.Tabular.from_parquet_files.",
    "from_json_files": "Use Dataset.Tabular.from_json_lines_files.",
    "from_binary_files": "Use Dataset.File.from_files.",
    "from_excel_files": "Read it with pandas, and use Dataset.Tabular.register_pandas_dataframe.",
    "from_pandas_dataframe": "Use Dataset.Tabular.register_pandas_dataframe.",
    "from_sql_query": "Query with a database client, and use register_pandas_dataframe.",
}.items():
    setattr(Dataset, _verb, _older(_verb, _instead))
