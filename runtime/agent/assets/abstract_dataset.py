"""What file and tabular datasets share: their registration, and how runs use them."""

import re
import uuid
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Dict, List, Optional, Sequence, Tuple, Type, TypeVar, Union

from . import registration
from .consumption import DatasetConsumptionConfig
from .definitions import Definition
from .entries import list_files
from .errors import UserErrorException
from .registration import Registration
from .transport import HasTransport, texts

_Same = TypeVar("_Same", bound="AbstractDataset")
_INPUT = re.compile("[A-Za-z_][A-Za-z0-9_]*")
KINDS: "Dict[str, Type[AbstractDataset]]" = {}
"""Kind of a definition → class of the dataset; each class enters itself."""


class AbstractDataset:
    """Data by its definition; immutable, so each change returns another dataset."""

    def __init__(
        self,
        definition: Definition,
        workspace: Optional[HasTransport] = None,
        made: Optional[Registration] = None,
    ) -> None:
        self._definition = definition
        self._workspace = workspace
        self._registration = made

    # --- the workspace

    @staticmethod
    def get_by_name(
        workspace: HasTransport, name: str, version: Union[int, str] = "latest"
    ) -> "AbstractDataset":
        """Return a registered dataset. Raises ``UserErrorException`` if there is none."""
        return dataset_of(registration.find(workspace, name, version))

    @staticmethod
    def get_by_id(workspace: HasTransport, id: str) -> "AbstractDataset":
        """Return a registered dataset, or one that was saved for a run, by its id."""
        return dataset_of(registration.find_by_id(workspace, id))

    @staticmethod
    def get_all(workspace: HasTransport) -> "Dict[str, AbstractDataset]":
        """Return the newest version of every registered dataset by name."""
        return {each.name: dataset_of(each) for each in registration.latest_of_all(workspace)}

    def register(
        self: _Same,
        workspace: HasTransport,
        name: str,
        description: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        create_new_version: bool = False,
    ) -> _Same:
        """Register the dataset under a name; return it as registered."""
        made = registration.register(
            workspace, self._definition, name, description, tags, create_new_version
        )
        return self._registered(made)

    def update(
        self: _Same, description: Optional[str] = None, tags: Optional[Dict[str, str]] = None
    ) -> _Same:
        """Change the description and replace the tags, where they are given."""
        self._registration = registration.changed(self._required("update"), description, tags)
        return self

    def add_tags(self: _Same, tags: Optional[Dict[str, str]] = None) -> _Same:
        return self.update(tags=dict(self.tags or {}, **texts(tags)))

    def remove_tags(self: _Same, tags: Optional[Sequence[str]] = None) -> _Same:
        """Remove tags by name."""
        kept = {k: v for k, v in (self.tags or {}).items() if k not in (tags or ())}
        return self.update(tags=kept)

    def unregister_all_versions(self) -> None:
        """Remove the dataset's name from the workspace; the data stays where it is."""
        known = self._required("unregister_all_versions")
        registration.remove(known.workspace, known.name)
        self._registration = None

    @property
    def id(self) -> Optional[str]:
        """Return ``name:version``; ``None`` if the dataset belongs to no workspace.

        One that nobody registered is saved in its workspace, so that a run finds it.
        """
        if self._registration is None:
            if self._workspace is None:
                return None
            self._registration = registration.save(self._workspace, self._definition)
        return self._registration.id

    @property
    def name(self) -> Optional[str]:
        known = self._named()
        return known.name if known else None

    @property
    def version(self) -> "object":
        """Return the version as a number; ``None`` if the dataset is not registered."""
        known = self._named()
        return known.version if known else None

    @property
    def description(self) -> "object":
        known = self._named()
        return known.description if known else None

    @property
    def tags(self) -> Optional[Dict[str, str]]:
        known = self._named()
        return dict(known.tags) if known else None

    @property
    def data_changed_time(self) -> Optional[datetime]:
        """Return when a file of the dataset last changed; ``None`` if its source does not say."""
        listing = list_files(self._definition.sources, self._workspace)
        times = [
            parsedate_to_datetime(entry.blob.modified)
            for entry in listing.entries
            if entry.blob is not None and entry.blob.modified
        ]
        return max(times) if times else None

    # --- runs

    def as_named_input(self, name: str) -> DatasetConsumptionConfig:
        """Return the dataset as an input of a run, found there in ``run.input_datasets``."""
        if not _INPUT.fullmatch(name):
            raise UserErrorException(
                f"{name!r} is not a name for an input: use letters, digits and '_', and do not "
                "begin with a digit."
            )
        return DatasetConsumptionConfig(name, self)

    def saved_in(self, workspace: HasTransport) -> Registration:
        """Return the version under which a run of a workspace finds this dataset."""
        if self._registration is not None:
            return self._registration
        self._registration = registration.save(workspace, self._definition)
        self._workspace = self._workspace or workspace
        return self._registration

    # --- rows or files

    def take(self: _Same, count: int) -> _Same:
        """Return the first rows, or files."""
        return self._then("take", _count(count))

    def skip(self: _Same, count: int) -> _Same:
        """Leave out the first rows, or files."""
        return self._then("skip", _count(count))

    def take_sample(self: _Same, probability: float, seed: Optional[int] = None) -> _Same:
        """Return each row, or file, with a probability."""
        return self._then("sample", _share(probability), _seed(seed))

    def random_split(
        self: _Same, percentage: float, seed: Optional[int] = None
    ) -> Tuple[_Same, _Same]:
        """Return two datasets: about ``percentage`` (0 to 1) of the rows or files, and the rest.

        The same seed gives the same parts.
        """
        share, chosen = _share(percentage), _seed(seed)
        return self._then("split", 0.0, share, chosen), self._then("split", share, 1.0, chosen)

    @property
    def definition(self) -> Definition:
        return self._definition

    def _then(self: _Same, *step: object) -> _Same:
        return self._changed(self._definition.then(*step))

    def _changed(self: _Same, definition: Definition) -> _Same:
        return type(self)(definition, self._workspace)

    def _registered(self: _Same, made: Registration) -> _Same:
        return type(self)(made.definition, made.workspace, made)

    def _named(self) -> Optional[Registration]:
        known = self._registration
        return None if known is None or known.saved else known

    def _required(self, verb: str) -> Registration:
        known = self._named()
        if known is None:
            raise UserErrorException(f"{verb} needs a registered dataset; register it first.")
        return known

    def __repr__(self) -> str:
        known = self._named()
        said = f"name={known.name!r}, version={known.version!r}, " if known else ""
        return f"{type(self).__name__}({said}{self._definition.json()})"


def dataset_of(made: Registration) -> AbstractDataset:
    """Return the dataset that a version of a data asset is."""
    return KINDS[made.definition.kind](made.definition, made.workspace, made)


def _count(count: int) -> int:
    if count < 0:
        raise UserErrorException(f"The count is {count}; give 0 or more.")
    return int(count)


def _share(share: float) -> float:
    if not 0 <= share <= 1:
        raise UserErrorException(f"The share is {share}; give a number from 0 to 1.")
    return float(share)


def _seed(seed: Optional[int]) -> int:
    return uuid.uuid4().int % (1 << 31) if seed is None else int(seed)


def names(listed: Union[str, List[str]]) -> List[str]:
    """Return names of columns as a list."""
    return [listed] if isinstance(listed, str) else [str(each) for each in listed]
