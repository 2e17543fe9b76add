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
