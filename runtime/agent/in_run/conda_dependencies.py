"""``CondaDependencies``: a conda document, read and written without a library for YAML."""

import re
import typing

_ITEM = re.compile(r"^(\s*)-\s*(.*?)\s*$")
_KEY = re.compile(r"^(\w+)\s*:\s*(.*?)\s*$")
_PIP = re.compile(r"^pip:\s*(\[\])?$")
_PYTHON = "3.8"


class CondaDependencies:
    """The packages of an environment: conda's, pip's, and the channels."""

    def __init__(
        self, conda_dependencies_file_path: typing.Optional[str] = None, **_: object
    ) -> None:
        self.name = "project_environment"
        self.conda_channels: typing.List[str] = []
        self.conda_packages: typing.List[str] = []
        self.pip_packages: typing.List[str] = []
        if conda_dependencies_file_path is not None:
            with open(conda_dependencies_file_path, encoding="utf-8") as source:
                self._read(source.read())

    @staticmethod
    def create(
        pip_indexurl: typing.Optional[str] = None,
        pip_packages: typing.Optional[typing.Iterable[str]] = None,
        conda_packages: typing.Optional[typing.Iterable[str]] = None,
        python_version: str = _PYTHON,
        pin_sdk_version: bool = True,
    ) -> "CondaDependencies":
        made = CondaDependencies()
        made.conda_packages = [f"python={python_version}", *(conda_packages or ())]
        options = [f"--index-url {pip_indexurl}"] if pip_indexurl else []
        made.pip_packages = [*options, *(pip_packages or ())]
        return made

    @staticmethod
    def of_text(text: str) -> "CondaDependencies":
        """Return the packages of a conda document."""
        made = CondaDependencies()
        made._read(text)
        return made

    def add_conda_package(self, conda_package: str) -> None:
        self.conda_packages.append(conda_package)

    def add_pip_package(self, pip_package: str) -> None:
        self.pip_packages.append(pip_package)

    def add_channel(self, channel: str) -> None:
        self.conda_channels.append(channel)

    def set_pip_option(self, pip_option: str) -> None:
        self.pip_packages.insert(0, pip_option)

    def set_python_version(self, version: str) -> None:
        others = [each for each in self.conda_packages if not re.match(r"python\b", each)]
        self.conda_packages = [f"python={version}", *others]

    def serialize_to_string(self) -> str:
        """Return the document as YAML."""
        lines = [f"name: {self.name}"]
        if self.conda_channels:
            lines += ["channels:", *(f"- {each}" for each in self.conda_channels)]
        lines += ["dependencies:", *(f"- {each}" for each in self.conda_packages)]
        if self.pip_packages:
            lines += ["- pip:", *(f"  - {each}" for each in self.pip_packages)]
        return "\n".join(lines) + "\n"

    def save_to_file(
        self, base_directory: str, conda_file_path: str = "conda_dependencies.yml"
    ) -> str:
        with open(f"{base_directory}/{conda_file_path}", "w", encoding="utf-8") as sink:
            sink.write(self.serialize_to_string())
        return conda_file_path

    def _read(self, text: str) -> None:
        """Read the lists that a conda document consists of."""
        section, pip_column = "", -1
        for line in (line.rstrip() for line in text.splitlines()):
            bare = re.sub(r"\s+#.*$", "", line)
            key, item = _KEY.match(bare), _ITEM.match(bare)
            if key:
                section, pip_column = key.group(1), -1
                if section == "name":
                    self.name = key.group(2).strip("'\"")
            elif item:
                column, value = len(item.group(1)), item.group(2).strip("'\"")
                if _PIP.match(value):
                    pip_column = column
                elif pip_column >= 0 and column > pip_column:
                    self.pip_packages.append(value)
                else:
                    pip_column = -1
                    self._add(section, value)

    def _add(self, section: str, value: str) -> None:
        if section == "channels":
            self.conda_channels.append(value)
        elif section == "dependencies":
            self.conda_packages.append(value)
