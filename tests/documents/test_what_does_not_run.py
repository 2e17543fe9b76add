"""Lines of the pages that do not run: each is refused by name, before anything is sent.

A row goes when what it waits for is there; the line then belongs to the test of its page.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.documents.page import HERE, Page

PAGE = "what_does_not_run"
VALUES = {
    "<experiment>": "my-experiment",
    "<runconfig>": "local",
    "<hdconfig>": "hdconfig.yml",
}
COMPUTES = """\
    - kind: hdinsight
      name: myhdi
      address: foo-ssh.azurehdinsight.net
      user: ops
      password: env:SSH_PASSWORD
"""


@dataclass(frozen=True)
class Row:
    """A line that is refused, what the user is told, and why it is so."""

    line: str
    said: str
    because: str
    code: int = 2

    def __str__(self) -> str:
        return self.line


ROWS = (
    Row(
        "compute_targets/02_create_lowpriocluster.sh",
        "Azure retired 'Standard_NC6'; use 'Standard_NC4as_T4_v3'",
        "the page is older than the end of this size",
    ),
    Row(
        "experiment_execution/01_environment_variables.yml",
        "is not indented",
        "the page does not indent",
    ),
    Row(
        "experiment_execution/11_submit_myhdi.sh",
        "'myhdi' does not answer at foo-ssh.azurehdinsight.net:22",
        "the page's cluster is nobody's",
        code=3,
    ),
)
OTHER_PROGRAMS = {
    "experiment_execution/03_azure_login.sh": "az login, az account",
    "experiment_execution/05_conda_env_list.sh": "conda env list",
}
"""Lines of other programs, which are not replaced."""
FILES = {
    "aml_config/myhdi.runconfig": "ArgumentVector: [myscript.py]\nTarget: myhdi\n",
    "aml_config/myhdi.compute": "type: cluster\naddress: foo-ssh.azurehdinsight.net\n",
    "myscript.py": "print('never')\n",
}


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_does_not_run_is_refused_by_name(page, row):
    folder, _, block = row.line.partition("/")
    lines = Page(folder, page.project, page.values)
    for name, text in FILES.items():
        lines.write(name, text)
    if block.endswith(".yml"):
        lines.write("aml_config/local.runconfig", f"Target: local\n{lines.text(block)}")
        said = lines.command("04_submit_local.sh")
    else:
        said = lines.command(block)
    assert said.code == row.code, said.out
    assert row.said in said.err
    assert page.project.good("runs", "--json").data == []


def test_every_line_of_the_pages_is_used():
    tests = "".join(file.read_text(encoding="utf-8") for file in HERE.glob("test_*.py"))
    pages = [file for file in HERE.glob("*/*") if file.suffix in {".py", ".sh", ".yml"}]
    assert len(pages) > 40
    assert [str(file) for file in pages if f'{Path(file).name}"' not in tests] == []
