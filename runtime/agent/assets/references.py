"""``DataReference`` and ``DataPath``, as in azureml-core: places on a datastore."""

import re
import uuid
from typing import Dict, Optional

from .errors import UserErrorException
from .local_files import remote_path

MODES = ("mount", "download", "upload")
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")


def variable(name: str) -> str:
    """Return the variable in which a script finds the path of an input or output."""
    return "AZUREML_DATAREFERENCE_" + name


class AnyDatastore:
    """What a reference needs of a datastore; ``Datastore`` itself makes references."""

    name = ""


class DataReference:
    """A path on a datastore that a run reads or writes, under a name.

    Its text, ``$AZUREML_DATAREFERENCE_<name>``, stands for the path in an argument of the script.
    Without a name it has the datastore's, or one of its own if it has a path.
    """

    def __init__(
        self,
        datastore: AnyDatastore,
        data_reference_name: Optional[str] = None,
        path_on_datastore: Optional[str] = None,
        mode: Optional[str] = "mount",
        path_on_compute: Optional[str] = None,
        overwrite: bool = False,
    ) -> None:
        name = data_reference_name or (uuid.uuid4().hex if path_on_datastore else datastore.name)
        # A name that a person gave is checked, one that is made here may begin with a digit.
        if data_reference_name and not _NAME.fullmatch(data_reference_name):
            raise UserErrorException(
                f"{data_reference_name!r} is not a name for a data reference: use letters, digits "
                "and '_', and do not begin with a digit."
            )
        if str(mode or "mount").lower() not in MODES:
            raise UserErrorException("{!r} is not a mode: use {}.".format(mode, ", ".join(MODES)))
        self.datastore = datastore
        self.data_reference_name = name
        self.path_on_datastore = path_on_datastore
        self.mode = str(mode or "mount").lower()
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite

    def path(
        self, path: Optional[str] = None, data_reference_name: Optional[str] = None
    ) -> "DataReference":
        """Return a reference to a path below this one."""
        below = remote_path(path or "")
        if not below and not data_reference_name:
            return self
        whole = "/".join(
            part for part in (remote_path(self.path_on_datastore or ""), below) if part
        )
        return DataReference(self.datastore, data_reference_name, whole or None)

    def as_mount(self) -> "DataReference":
        return self._changed("mount", None, self.overwrite)

    def as_download(
        self, path_on_compute: Optional[str] = None, overwrite: bool = False
    ) -> "DataReference":
        return self._changed("download", path_on_compute, overwrite)

    def as_upload(
        self, path_on_compute: Optional[str] = None, overwrite: bool = False
    ) -> "DataReference":
        return self._changed("upload", path_on_compute, overwrite)

    def to_config(self) -> Dict[str, object]:
        """Return the reference under the keys of a run configuration."""
        return {
            "dataStoreName": self.datastore.name,
            "mode": self.mode.capitalize(),
            "pathOnDataStore": self.path_on_datastore,
            "pathOnCompute": self.path_on_compute,
            "overwrite": self.overwrite,
        }

    def _changed(
        self, mode: str, path_on_compute: Optional[str], overwrite: bool
    ) -> "DataReference":
        changed = DataReference.__new__(DataReference)
        changed.__dict__.update(
            self.__dict__, mode=mode, path_on_compute=path_on_compute, overwrite=overwrite
        )
        return changed

    def __str__(self) -> str:
        return "$" + variable(self.data_reference_name)

    def __repr__(self) -> str:
        place = f"{self.datastore.name}/{self.path_on_datastore or ''}"
        return f"DataReference({self.data_reference_name!r}, {place!r}, mode={self.mode!r})"


class DataPath:
    """A path on a datastore, as datasets and pipeline parameters take it."""

    def __init__(
        self,
        datastore: Optional[AnyDatastore] = None,
        path_on_datastore: Optional[str] = None,
        name: Optional[str] = None,
    ) -> None:
        self.datastore = datastore
        self.path_on_datastore = path_on_datastore
        self.name = name

    @property
    def datastore_name(self) -> Optional[str]:
        """Return the name of the datastore; ``None`` for the workspace's default."""
        return self.datastore.name if self.datastore is not None else None

    def create_data_reference(
        self,
        data_reference_name: Optional[str] = None,
        datapath_compute_binding: "Optional[DataPathComputeBinding]" = None,
    ) -> DataReference:
        """Return a reference to this path."""
        if self.datastore is None:
            raise UserErrorException("The data path has no datastore; give it one.")
        binding = datapath_compute_binding or DataPathComputeBinding()
        return DataReference(
            self.datastore,
            data_reference_name or self.name,
            self.path_on_datastore,
            binding.mode,
            binding.path_on_compute,
            binding.overwrite,
        )

    @staticmethod
    def create_from_data_reference(data_reference: DataReference) -> "DataPath":
        """Return the path of a reference."""
        return DataPath(
            data_reference.datastore,
            data_reference.path_on_datastore,
            data_reference.data_reference_name,
        )


class DataPathComputeBinding:
    """How a path is used on a compute."""

    def __init__(
        self,
        mode: str = "mount",
        path_on_compute: Optional[str] = None,
        overwrite: bool = False,
    ) -> None:
        self.mode = mode
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite
