"""The page's lines about docker, in containers of this machine's engine."""

import pytest

pytest_plugins = ("tests.docker_engine",)
pytestmark = [pytest.mark.needs_docker, pytest.mark.slow]

PAGE = "experiment_execution"
WORKSPACE = "pages-in-docker"
COMPUTE = """type: localdocker
baseDockerImage: {base}
sharedVolumes: true
nativeSharedDirectory: {share}
"""
CONFIGURATION = "ArgumentVector: [myscript.py]\nTarget: docker\nFramework: Python\n"
SCRIPT = """import os, sys
with open(os.environ["AZUREML_NATIVE_SHARE_DIRECTORY"] + "seen.txt", "a") as sink:
    sink.write(sys.prefix + "\\n")
"""


@pytest.fixture
def page_in_docker(page, base_image, tmp_path):
    page.write("myscript.py", SCRIPT)
    share = tmp_path / "share"
    page.write("aml_config/docker.compute", COMPUTE.format(base=base_image, share=share))
    page.write("aml_config/docker.runconfig", CONFIGURATION)
    return page, share


def test_a_prepared_environment_runs_scripts(page_in_docker):
    page, share = page_in_docker
    refused = page.command("06_submit_docker.sh")
    if refused.code:  # the image may be there from an earlier session
        assert (refused.code, "has not been prepared" in refused.err) == (2, True)
    prepared = page.command("12_prepare_docker.sh")
    assert prepared.code == 0, prepared.err
    share.mkdir(exist_ok=True)
    (share / "seen.txt").write_text("")
    for block in ("06_submit_docker.sh", "07_submit_docker_long.sh"):
        said = page.command(block)
        assert (said.code, said.data["status"]) == (0, "Completed"), said.err
    assert (share / "seen.txt").read_text() == "/opt/aml-environment\n" * 2
