"""The same page's machine with docker, reached over ssh: a virtual machine of the local cloud."""

import pytest

from tests.containers.docker_images import base_image, require_engine

PAGE = "experiment_execution"
WORKSPACE = "pages-remote"
VALUES = {"<remotedocker>": "remotevm"}
SCRIPT = "import os\nprint('in a container:', os.path.exists('/.dockerenv'))\n"
ENTRY = """\
    - kind: virtual_machine
      name: remotevm
      resource_id: {id}
      user: azureuser
      private_key: file:{private_key}
"""

pytestmark = pytest.mark.needs_docker


@pytest.fixture
def remote(page, tmp_path, monkeypatch):
    """The page with its machine attached, and the files of a project of that time."""
    monkeypatch.setenv("HOME", str(tmp_path))
    require_engine()
    machine = page.project.good("cloud", "vm", "create", "remote", "--json").data
    file = page.project.stack_file()
    kept = file.read_text()
    if "computes:" not in kept:
        kept += "  aml:computes:\n"
    file.write_text(kept + ENTRY.format(**machine))
    page.project.good("up", "--yes")
    compute = f"type: remotedocker\naddress: remote\nbaseDockerImage: {base_image()}\n"
    page.write("aml_config/remotevm.compute", compute)
    configuration = "ArgumentVector: [myscript.py]\nTarget: remotevm\nPrepareEnvironment: true\n"
    page.write("aml_config/remotevm.runconfig", configuration)
    page.write("myscript.py", SCRIPT)
    yield page
    page.project.good("cloud", "vm", "delete", "remote", "--yes")


def test_a_script_runs_in_a_container_of_a_machine(remote):
    said = remote.command("09_submit_remotevm.sh")
    assert said.code == 0, said.err
    assert "in a container: True" in said.err
    remote.write("aml_config/conda_dependencies.yml", "dependencies: [python]\n")
    said = remote.command("13_prepare_remotedocker.sh")
    assert said.code == 0, said.err
    assert "runs with this environment use it" in said.err
