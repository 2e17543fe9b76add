"""What a run in a container is given, how it is built, entered and ended, and what is refused."""

import json
import os
import signal
from dataclasses import replace

import pytest

from infra.contract.errors import DefinitionError, UsageError
from runtime.model.environments import DEFAULT_IMAGE, EnvironmentSpec, ImageSpec
from runtime.model.launching import DockerOptions
from runtime.model.states import RunState
from runtime.targets.docker_engine import NoEngineError, engine_problem, open_engine
from runtime.targets.docker_images import base_name
from runtime.targets.docker_packages import locked_for_image, packaged_name
from runtime.targets.docker_place import container_name
from runtime.targets.run_folder import RunFolder
from runtime.testing.targets import poll
from tests.containers.conftest import log_of, until

pytestmark = [pytest.mark.needs_docker, pytest.mark.slow]

LOOKS = """
import json, os, pathlib, resource
limit = next(p for p in ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max")
             if pathlib.Path(p).exists())
shm = os.statvfs("/dev/shm")
pathlib.Path("outputs/model.txt").write_text("weights")
print(json.dumps({
    "user": [os.getuid(), os.getgid()], "home": os.environ["HOME"], "colour": os.environ["COLOUR"],
    "memory": int(pathlib.Path(limit).read_text()), "shm": shm.f_frsize * shm.f_blocks,
    "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    "first": pathlib.Path("/proc/1/comm").read_text().strip(),
    "seen": pathlib.Path("/data/seen.txt").read_text(), "token": os.environ["TOKEN"],
}), flush=True)
"""
COUNTS = """
import time
for number in range(300):
    print(number, flush=True)
    time.sleep(0.02)
"""
SERVES = """
import socket
server = socket.create_server(("127.0.0.1", 6006))
print("serving", flush=True)
while True:
    client, _ = server.accept()
    client.sendall(b"hello " + client.recv(100))
    client.close()
"""
SECRET = "s3cret-of-the-run"


def with_docker(run, **options):
    return replace(run, spec=replace(run.spec, docker=DockerOptions(**options)))


def output_of(process, *, errors=False):
    content = b""
    while (outputs := process.read(1.0)) is not None:
        content += b"".join(each.content for each in outputs if each.is_error == errors)
    return content.decode()


def test_a_container_is_what_the_run_asks_for_and_shows_no_secret(
    target, make_run, ended, engine, tmp_path
):
    data = tmp_path / "data"
    data.mkdir()
    (data / "seen.txt").write_text("seen")
    run = with_docker(
        make_run(f"{LOOKS}\nimport time; time.sleep(600)", variables={"TOKEN": SECRET}),
        shm_size="96m",
        arguments=("--memory=256m", "-v", f"{data}:/data:ro", "-e", "COLOUR=blue",
                   "--ulimit", "nofile=512", "-u", "1234:1235", "--rm"),
    )  # fmt: skip
    handle = target.launch(run)
    said = json.loads(until(lambda: log_of(target, handle)))
    assert said == {
        "user": [1234, 1235], "home": "/aml/home", "colour": "blue", "memory": 256 << 20,
        "shm": 96 << 20, "files": 512, "first": "docker-init", "seen": "seen", "token": SECRET,
    }  # fmt: skip
    shown = json.dumps(engine.api.inspect_container(container_name(run.run_id)))
    kept = (target.folder(run.run_id).task_file).read_text()
    assert not {SECRET, "blue"} & {word for word in (SECRET, "blue") if word in shown + kept}
    target.cancel(handle)
    assert ended(handle).state is RunState.CANCELED
    model = target.folder(run.run_id).work / "outputs" / "model.txt"
    assert (model.read_text(), model.stat().st_uid) == ("weights", os.getuid())
    assert not engine.api.containers(all=True, filters={"label": f"aml.run={run.run_id}"})


def test_packages_are_installed_into_an_image_once(target, make_run, ended, engine, base):
    document = "dependencies: [pip, {pip: [--no-binary=wheel, six==1.16.0]}]"
    environment = EnvironmentSpec("conda", conda=document, image=ImageSpec(name=base))
    name = packaged_name(locked_for_image(environment))
    script = "import six, sys; print(six.__version__, sys.prefix)"
    try:
        first = target.launch(make_run(script, environment=environment))
        assert ended(first).state is RunState.COMPLETED, poll(target, first).error
        assert log_of(target, first) == "1.16.0 /opt/aml-environment\n"
        build = log_of(target, first, "azureml-logs/20_image_build_log.txt")
        assert "six==1.16.0" in build
        events = poll(target, first).events
        locks = {e.data["value"] for e in events if e.data.get("key") == "aml.environment.lock"}
        assert len(locks) == 1
        home = target.folder(first.reference).path.parent.parent
        assert (home / "locks" / f"{locks.pop()}.txt").is_file()
        assert (
            target.plan(make_run(script, environment=environment).spec) == f"image {name} (there)"
        )
        assert target.prepare(environment).reused
        assert engine.api.history(name)[0]["CreatedBy"] == "/aml-build/build.sh"
    finally:
        engine.images.remove(name, force=True)


def test_an_image_is_built_from_a_dockerfile_and_checked(target, make_run, ended, engine, base):
    image = ImageSpec(dockerfile=f"FROM {base}\nRUN echo built > /built && rm /usr/bin/python3*\n")
    environment = EnvironmentSpec("user_managed", image=image, source="env.yml")
    try:
        handle = target.launch(make_run("print('never')", environment=environment))
        status = ended(handle)
        assert status.state is RunState.FAILED
        assert f"{base_name(image)} has no Python 3.8 or later" in status.error
        build = log_of(target, handle, "azureml-logs/20_image_build_log.txt")
        assert "RUN echo built" in build
    finally:
        engine.images.remove(base_name(image), force=True)


def test_commands_and_ports_of_a_running_container(make_target, make_run):
    target = make_target()
    handle = target.launch(make_run(SERVES, variables={"TOKEN": SECRET}))
    until(lambda: "serving" in log_of(target, handle))
    process = target.execute(handle, ["sh", "-c", 'cat; echo "$TOKEN $PWD" >&2; exit 3'], None)
    process.write(b"from here")
    process.end_input()
    assert output_of(process) == "from here"
    assert process.exit_code() == 3
    process.close()
    there = target.connect(handle, 6006)
    there.write(b"you")
    assert output_of(there) == "hello you"
    there.close()
    nobody = target.connect(handle, 6007)
    assert "refused" in output_of(nobody, errors=True)
    nobody.close()
    # The engine gets the size of a terminal when its process has started.
    sized = 'while [ "$(stty size)" = "0 0" ]; do sleep 0.05; done; stty size; echo $AZUREML_RUN_ID'
    terminal = target.execute(handle, ["sh", "-c", sized], (71, 17))
    assert output_of(terminal).split() == ["17", "71", handle.reference]
    terminal.close()
    target.cancel(handle)
    until(lambda: poll(target, handle).state is RunState.CANCELED)
    with pytest.raises(UsageError, match="no container that runs"):
        target.execute(handle, ["true"], None)


def test_a_killed_carrier_loses_no_line_of_a_container(target, make_run, ended):
    handle = target.launch(make_run(COUNTS))
    folder: RunFolder = target.folder(handle.reference)
    for more in (10, 100):
        until(lambda more=more: poll(target, handle) and log_of(target, handle).count("\n") > more)
        os.kill(int(folder.process_file.read_text()), signal.SIGKILL)
    assert ended(handle).state is RunState.COMPLETED
    assert log_of(target, handle).split() == [str(number) for number in range(300)]


def test_what_the_engine_cannot_do_is_said_before_anything_is_sent(target, make_run, engine):
    run = make_run("print('never')")
    if "nvidia" not in engine.info()["Runtimes"]:
        for options in ({"gpu": True}, {"arguments": ("--gpus", "all")}):
            with pytest.raises(UsageError, match="has no NVIDIA runtime"):
                target.plan(with_docker(run, **options).spec)
    with pytest.raises(UsageError, match="it is made from the run's id") as refused:
        target.plan(with_docker(run, arguments=("--name", "x", "--memry=1g")).spec)
    assert "did you mean `--memory`" in refused.value.detail
    unbuilt = EnvironmentSpec("conda", conda="dependencies: [six]", image=ImageSpec(name="a:1"))
    spec = replace(run.spec, environment=unbuilt)
    assert "to be built from a:1 (to be pulled)" in target.plan(spec)
    with pytest.raises(DefinitionError, match="has not been prepared"):
        target.plan(replace(spec, prepares=False))


def test_an_image_that_cannot_be_pulled_is_named(target, make_run, ended):
    environment = EnvironmentSpec("user_managed", image=ImageSpec(name=DEFAULT_IMAGE))
    if "to be pulled" not in target.plan(make_run("", environment=environment).spec):
        pytest.skip("the default image is on this machine")
    nowhere = EnvironmentSpec("user_managed", image=ImageSpec(name="127.0.0.1:1/nowhere:1"))
    status = ended(target.launch(make_run("print('never')", environment=nowhere)))
    assert "The image 127.0.0.1:1/nowhere:1 cannot be pulled" in status.error


def test_a_missing_engine_says_which_and_how_to_get_it(tmp_path):
    host = f"unix://{tmp_path}/docker.sock"
    with pytest.raises(NoEngineError, match="no docker engine on this machine") as missing:
        open_engine({"host": host, "certificates": ""})
    assert host in missing.value.detail
    assert "apt-get install docker.io" in missing.value.remedy
    denied = engine_problem(host, PermissionError(13, "Permission denied"))
    assert "not permitted" in denied.detail
    assert "usermod -aG docker" in denied.remedy
    assert "not running" in engine_problem(host, ConnectionRefusedError(111, "refused")).detail
