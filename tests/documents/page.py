"""The code of a page, typed as it stands, and the project in which it runs."""

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runtime.cli.root import run
from tests.deploy.project import PASSPHRASE, Project, Said, make_project
from tests.runtime.index import add_wheel

HERE = Path(__file__).parent
PACKAGES = (
    "azureml_defaults", "cntk==2.5.1", "scikit_learn",
    "numpy", "pyarrow", "python_dateutil", "pytz", "pyyaml", "requests",
)  # fmt: skip
"""What the environments of the pages have, and what azureml-defaults brings."""
_OPEN = re.compile(r"<[\w /-]+>")


@dataclass
class Page:
    """The blocks of a page, by their file; a project with a deployed stack."""

    name: str
    project: Project
    values: dict[str, str] = field(default_factory=dict)
    """What to type in the place of what the page leaves open (``<fqdn>``)."""

    def text(self, block: str, values: Mapping[str, str] = {}) -> str:
        """Return a block with everything filled in that the page leaves open."""
        text = (HERE / self.name / block).read_text(encoding="utf-8")
        for place, value in (self.values | dict(values)).items():
            text = text.replace(place, value)
        assert not _OPEN.search(text), f"{block} leaves {_OPEN.findall(text)} open"
        return text

    def script(
        self, *blocks: str, before: str = "", after: str = "", values: Mapping[str, str] = {}
    ) -> Said:
        """Run blocks as one script, between what the page did before and a look at the result."""
        parts = (self.text(block, values) for block in blocks)
        file = self.project.root / "page.py"
        file.write_text("\n".join([before, *parts, after]), encoding="utf-8")
        return self.project.aml("v1", "run", file.name)

    def runs(self, *blocks: str, **given: object) -> str:
        """Run blocks that are to succeed, and return what they printed."""
        said = self.script(*blocks, **given)
        assert said.code == 0, said.err
        return said.out

    def command(self, block: str, values: Mapping[str, str] = {}) -> Said:
        """Run a command line with `aml` for `az ml`."""
        words = shlex.split(self.text(block, values).lstrip("$ "))
        assert words[:2] == ["az", "ml"]
        return self.project.aml(*words[2:])

    def write(self, path: str, text: str) -> Path:
        file = self.project.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def compute(self, name: str) -> dict[str, object]:
        """Return the properties of a compute that the workspace has."""
        return self.project.good("computetarget", "show", "-n", name).data["properties"]

    def declared(self) -> str:
        return self.project.stack_file().read_text(encoding="utf-8")


def write_index(folder: Path) -> None:
    """Write an index of packages for uv: wheels that have nothing but a version."""
    for each in PACKAGES:
        package, _, version = each.partition("==")
        wheel = add_wheel(folder / package.replace("_", "-"), package, version or "1.0")
        (wheel.parent / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')


@contextmanager
def deployed(folder: Path, name: str, cloud: Path, computes: str = "") -> Iterator[Project]:
    """Deploy a project's stack to the cloud in a folder, and enter the project's.

    ``computes`` are lines to add to the stack file. The project's ``capture`` is to be set before
    commands run in this process.
    """
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("AML_HOME", "AML_STACK", "PULUMI_BACKEND_URL"):
            patch.delenv(variable, raising=False)
        patch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)
        patch.setenv("SSH_PASSWORD", "pa55-w0rd")
        project = make_project(folder / "project", None, name)
        with project.stack_file().open("a", encoding="utf-8") as file:
            file.write(computes)
        project.home.mkdir()
        (project.home / "cloud").symlink_to(cloud)
        patch.chdir(project.root)
        assert run(["up", "--yes"]) == 0
        yield project
