"""Runs in containers of a local cluster through the command line: of an image, and of a context."""

import pytest

pytest_plugins = ("tests.docker_engine",)
pytestmark = pytest.mark.needs_docker
JOB = """\
command: python train.py
code: ./code
environment: {environment}
compute: azureml:cpu
resources: {{shm_size: 64m, docker_args: --ulimit nofile=512:512}}
outputs: {{checkpoints: {{type: uri_folder, mode: rw_mount}}}}
"""
SCRIPT = """\
import os, pathlib, resource
from azureml.core import Run
run = Run.get_context()
run.log("loss", 0.25)
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs/model.txt").write_text("model")
print(os.path.exists("/mark"), resource.getrlimit(resource.RLIMIT_NOFILE)[0], run.id)
"""


@pytest.fixture
def project(deployed):
    (deployed.root / "code").mkdir()
    (deployed.root / "code/train.py").write_text(SCRIPT)
    return deployed


def test_a_run_in_a_container_is_a_run_like_any_other(project, base_image, docker_engine):
    (project.root / "job.yml").write_text(JOB.format(environment=f"{{image: {base_image}}}"))
    said = project.good("submit", "--json", "job.yml")
    run = said.data
    assert (run["state"], run["metrics"]) == ("Completed", {"loss": 0.25})
    assert run["properties"]["aml.image"] == base_image
    assert f"False 512 {run['run_id']}" in said.err + said.out
    assert (project.home / "outputs" / run["run_id"] / "outputs/model.txt").read_text() == "model"

    context = project.root / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(f"FROM {base_image}\nCOPY mark /mark\n")
    (context / "mark").write_text("here")
    (project.root / "job.yml").write_text(JOB.format(environment="{build: {path: ./context}}"))
    said = project.good("submit", "--json", "job.yml")
    assert f"True 512 {said.data['run_id']}" in said.err + said.out
    docker_engine.images.remove(said.data["properties"]["aml.image"], force=True)
