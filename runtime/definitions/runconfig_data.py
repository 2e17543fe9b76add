"""The data of a run configuration: `dataReferences`, `data` and `outputData`."""

import re
from typing import Final

from infra.contract.json_types import Document
from runtime.definitions.problems import Problems
from runtime.definitions.shapes import Keys, Read, part, shown_path
from runtime.model.data import DataInput, DataLocation, DataOutput, Mechanism

_DATASTORE_URI: Final = re.compile(r"azureml://(?:.*/)?datastores/([^/]+)/paths/(.*)")
_MECHANISMS: Final[dict[str, Mechanism]] = {
    "Direct": "direct",
    "Mount": "mount",
    "Download": "download",
    "Upload": "upload",
}


class DataReader:
    """Reads the data of a canonical document."""

    def __init__(self, read: Read, problems: Problems) -> None:
        self._read = read
        self._problems = problems
        self.inputs: list[DataInput] = []
        self.outputs: list[DataOutput] = []

    def all(self) -> tuple[tuple[DataInput, ...], tuple[DataOutput, ...]]:
        """Return inputs and outputs, in the order of the file's sections."""
        values = self._read.values
        for name, section in part(values, "dataReferences").items():
            self._reference(name, section)
        for name, section in part(values, "data").items():
            self._data(name, section)
        for name, section in part(values, "outputData").items():
            self._output(name, section)
        return tuple(self.inputs), tuple(self.outputs)

    def _reference(self, name: str, section: Document) -> None:
        location = DataLocation(
            "datastore", str(section.get("pathOnDataStore") or ""), section.get("dataStoreName")
        )
        self._add(name, location, _MECHANISMS[section.get("mode") or "Mount"], section)

    def _data(self, name: str, section: Document) -> None:
        at = ("data", name)
        location = self._location(part(section, "dataLocation"), (*at, "dataLocation"))
        if location is not None:
            self._add(name, location, _MECHANISMS[section.get("mechanism") or "Mount"], section)
        elif not part(section, "dataLocation"):
            self._problems.add(
                f"`{shown_path(at)}` has no `dataLocation`.",
                remedy="Write `dataLocation` with `dataset`, `dataPath` or `uri`.",
                at=self._read.place(*at),
            )

    def _add(
        self, name: str, location: DataLocation, mechanism: Mechanism, section: Document
    ) -> None:
        put, overwrite = section.get("pathOnCompute"), bool(section.get("overwrite"))
        if mechanism == "upload":
            self.outputs.append(DataOutput(name, location, mechanism, put, overwrite))
        else:
            variable = section.get("environmentVariableName")
            self.inputs.append(DataInput(name, location, mechanism, put, overwrite, variable))

    def _output(self, name: str, section: Document) -> None:
        at = ("outputData", name, "outputLocation")
        options = part(section, "additionalOptions")
        self.outputs.append(
            DataOutput(
                name,
                self._location(part(section, "outputLocation"), at),
                _MECHANISMS[section.get("mechanism") or "Mount"],
                options.get("pathOnCompute"),
                bool(part(options, "uploadOptions").get("overwrite")),
                part(options, "registrationOptions").get("name"),
            )
        )

    def _location(self, section: Document, at: Keys) -> DataLocation | None:
        dataset, path = part(section, "dataset"), part(section, "dataPath")
        address = part(section, "uri").get("path")
        if dataset.get("name"):
            version = dataset.get("version")
            latest = not version or str(version).lower() == "latest"
            named = f"{dataset['name']}@latest" if latest else f"{dataset['name']}:{version}"
            return DataLocation("asset", named)
        if path.get("datastoreName") or path.get("relativePath"):
            relative = str(path.get("relativePath") or "")
            return DataLocation("datastore", relative, path.get("datastoreName"))
        if address:
            return self._address(str(address), at)
        if dataset.get("id"):
            self._problems.add(
                f"`{shown_path(at, 'dataset')}` has an id and no name: only the workspace that"
                " made it knows the id.",
                remedy="Write the `name` and the `version` of the registered dataset.",
                at=self._read.place(*at, "dataset", "id"),
            )
        return None

    def _address(self, address: str, at: Keys) -> DataLocation | None:
        on_datastore = _DATASTORE_URI.fullmatch(address)
        if on_datastore:
            return DataLocation("datastore", on_datastore[2], on_datastore[1])
        if address.startswith(("http://", "https://")):
            return DataLocation("url", address)
        self._problems.add(
            f"`{shown_path(at, 'uri', 'path')}` is {address!r}, which cannot be read.",
            remedy="Write an http(s) address, or `azureml://datastores/NAME/paths/PATH`.",
            at=self._read.place(*at, "uri", "path"),
        )
        return None
