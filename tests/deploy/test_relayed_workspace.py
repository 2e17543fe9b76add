"""What a script does with its workspace where only the submitter's machine reaches it."""

import json
from contextlib import contextmanager

import pytest

from tests.containers.docker_images import base_image, require_engine
from tests.runtime.hosts import make_key, network, require_hosts

USES = """\
import json, os
from azureml.core import Dataset, Model, Run
run = Run.get_context()
ws = run.experiment.workspace
store = ws.get_default_datastore()
os.makedirs("made/below")
for name, text in {"a.txt": "alpha", "below/b.bin": "b" * 3_000_000}.items():
    with open("made/" + name, "w") as sink: sink.write(text)
store.upload("made", target_path="from-" + run.id)
data = Dataset.File.from_files((store, "from-" + run.id))
data.register(ws, "made")
files = Dataset.get_by_name(ws, "made").download("read")
with open("outputs/a.txt", "w") as sink: sink.write("weights")
model = Model.register(ws, "outputs/a.txt", "kept")
ws.get_default_keyvault().set_secret("word", "said")
print(json.dumps([
    ws.name, sorted(os.path.getsize(file) for file in files),
    open(model.download(target_dir="model")).read(),
    ws.get_default_keyvault().get_secret("word"),
    [each.id for each in run.experiment.get_runs()],
]))
"""
JOB = """\
command: python train.py
code: ./src
compute: {target}
experiment_name: relayed
environment: {environment}
"""


@contextmanager
def in_docker(project, tmp_path):
    """Yield the target `docker`, and an environment for it."""
    del project, tmp_path
    require_engine()
    yield "docker", f"{{image: {base_image()}}}"


@contextmanager
def elsewhere(project, tmp_path):
    """Yield a machine with a network of its own, which knows nothing of this one's loopback."""
    require_hosts()
    with network(tmp_path / "hosts") as (host,):
        host.account("trainer", key=make_key(tmp_path / "key"))
        entry = (
            f"kind: virtual_machine, name: box, address: {host.address}, user: trainer,"
            f" private_key: 'file:{tmp_path / 'key'}'"
        )
        file = project.stack_file()
        file.write_text(f"{file.read_text()}    - {{{entry}}}\n")
        ssh = tmp_path / ".ssh"
        ssh.mkdir()
        (ssh / "known_hosts").write_text(f"{host.address} {host.host_key}\n")
        yield "box", "azureml:unused"


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(in_docker, marks=pytest.mark.needs_docker),
        pytest.param(elsewhere, marks=[pytest.mark.needs_sshd, pytest.mark.enable_socket]),
    ],
)
def test_a_script_reaches_the_workspace_through_its_carrier(project, tmp_path, monkeypatch, place):
    monkeypatch.setenv("HOME", str(tmp_path))
    with place(project, tmp_path) as (target, environment):
        project.good("up", "--yes")
        source = project.root / "src"
        source.mkdir()
        (source / "train.py").write_text(USES)
        if target == "docker":
            (project.root / "job.yml").write_text(
                JOB.format(target=target, environment=environment)
            )
            said = project.aml("submit", "job.yml")
        else:
            options = ("-e", "relayed", "-c", target, "--source-directory", "src")
            said = project.aml("submit", *options, "train.py")
        assert said.code == 0, said.err + said.out
        name, sizes, weights, secret, others = json.loads(said.out.splitlines()[-1])
        (run,) = project.good("runs", "--json").data
        assert (name, sizes, weights, secret) == (project.name, [5, 3_000_000], "weights", "said")
        assert others == [run["run_id"]]
