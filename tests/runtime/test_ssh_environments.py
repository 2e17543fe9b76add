"""Environments are built at the machine, once: by uv, from packages of here without internet."""

import pytest

from runtime.model.environments import EnvironmentSpec
from runtime.model.states import RunState
from runtime.targets.ssh import SshTarget
from runtime.targets.ssh_machine import Machine
from runtime.testing.targets import a_run, poll
from tests.runtime.hosts import loopback, make_key, network, require_hosts, until

pytestmark = pytest.mark.needs_sshd
PRINTS = "import six, sys; print(six.__version__, sys.prefix)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    require_hosts()
    made = tmp_path_factory.mktemp("machines")
    make_key(made / "key")
    return made


@pytest.fixture(scope="module")
def host(folder):
    with network(folder) as (made,):
        made.account("trainer", key=(folder / "key.pub").read_text().strip())
        yield made


@pytest.fixture
def run(folder, tmp_path):
    """Return a function that runs a script with some requirements; it returns status and logs."""

    def done(host, script, requirements, python=None):
        machine = Machine(
            "vm",
            host.address,
            host.port,
            "trainer",
            host.host_key,
            {"private_key": f"file:{folder / 'key'}"},
        )
        target = SshTarget("vm", tmp_path / "home", machine, manifest=tmp_path / "m", stack="dev")
        spec = EnvironmentSpec("pip", requirements=requirements, python=python)
        handle = target.launch(a_run(tmp_path, script, environment=spec))
        until(lambda: poll(target, handle).state.final, 150)
        logs = {chunk.name: chunk.text for chunk in target.logs(handle, {})}
        return poll(target, handle), logs

    return done


@pytest.mark.slow
def test_a_machine_without_internet_gets_its_packages_from_here(run, host):
    status, logs = run(host, PRINTS, "six==1.17.0\n")
    assert status.state is RunState.COMPLETED, (status.error, logs)
    assert logs["user_logs/std_log.txt"].startswith("1.17.0 ")
    assert "is not reached from the machine" in logs["azureml-logs/20_image_build_log.txt"]
    again, logs = run(host, PRINTS, "six==1.17.0\n")
    assert again.state is RunState.COMPLETED
    assert "azureml-logs/20_image_build_log.txt" not in logs
    steps = [event.data["text"] for event in again.events if event.kind == "step"]
    assert any(text.startswith("reused ") for text in steps)


def test_a_python_that_the_machine_lacks_is_told_with_those_it_has(run, host):
    status, _ = run(host, PRINTS, "six==1.17.0\n", python="3.6.1")
    assert status.state is RunState.FAILED
    assert "Python 3.6.1 is not installed on machine 'vm' (installed: 3." in status.error
    assert not list((host.home("trainer") / ".aml-agent" / "runs").iterdir())


@pytest.mark.slow
def test_a_machine_with_internet_builds_with_uv(run, folder):
    with loopback(folder) as made:
        made.account("trainer", key=(folder / "key.pub").read_text().strip())
        status, logs = run(made, PRINTS, "six==1.17.0\n")
        assert status.state is RunState.COMPLETED, (status.error, logs)
        assert logs["user_logs/std_log.txt"].startswith("1.17.0 ")
        bad, logs = run(made, PRINTS, "six==0.0.1\n")
        assert bad.state is RunState.FAILED
        assert "`uv pip compile` failed on machine 'vm'" in bad.error
