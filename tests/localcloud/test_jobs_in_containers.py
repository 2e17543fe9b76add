"""Jobs in containers of a real docker engine: images, builds, limits, cancel, what is left over."""

import json
import os
import time
import uuid

import pytest
from azure.storage.blob import ContainerClient

from tests.localcloud.harness import (
    SUB,
    connect,
    make_workspace,
    running_daemon,
    start_daemon,
    stop_daemon,
    waited,
)
from tests.localcloud.test_jobs_running import ENDED, Jobs

pytest_plugins = ("tests.docker_engine",)
pytestmark = pytest.mark.needs_docker
BUILD_LOG = "azureml-logs/20_image_build_log.txt"
SEEN = """
import json, os, pathlib, shutil, ssl, subprocess, sys, urllib.request
url = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/get?run_id=" + os.environ["MLFLOW_RUN_ID"]
asked = urllib.request.Request(url, headers={"Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]})
trusted = ssl.create_default_context(cafile=os.environ["MLFLOW_TRACKING_SERVER_CERT_PATH"])
pathlib.Path("outputs/model.txt").write_text("model")
pathlib.Path("logs/own.txt").write_text("own")
pathlib.Path(sys.argv[2], "made.txt").write_text(pathlib.Path(sys.argv[1], "in.txt").read_text())
memory = [p for p in ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max") if os.path.exists(p)]
print(json.dumps({
    "run": json.load(urllib.request.urlopen(asked, context=trusted))["run"]["info"]["run_id"],
    "uid": os.getuid(), "init": pathlib.Path("/proc/1/comm").read_text().strip(),
    "shm": shutil.disk_usage("/dev/shm").total, "mine": os.environ["MINE"], "flag": os.environ["FLAG"],
    "memory": pathlib.Path(memory[0]).read_text().strip(), "lib": os.listdir("lib"),
    "agent": os.environ.get("AML_AGENT_PYTHON"), "host": "PYTEST_CURRENT_TEST" in os.environ,
}))
"""  # noqa: E501


@pytest.fixture(scope="module")
def jobs(tmp_path_factory, base_image):
    with running_daemon(tmp_path_factory.mktemp("home")) as cloud:
        jobs = Jobs(cloud, make_workspace(cloud.arm, f"{SUB}/resourceGroups/containers"))
        jobs.cluster("cpu")
        jobs.put("environments/bare/versions/1", {"properties": {"image": base_image}})
        yield jobs


def containers(engine, cloud_id):
    return engine.api.containers(all=True, filters={"label": f"aml.cloud={cloud_id}"})


def environment(jobs, **properties) -> str:
    name = f"env-{uuid.uuid4().hex[:8]}"
    jobs.put(f"environments/{name}/versions/1", {"properties": properties})
    return f"azureml:{name}:1"


def build_context(jobs, **files) -> dict:
    """Upload files as a build context; return the ``build`` of an environment."""
    folder = uuid.uuid4().hex
    store = jobs.cloud.arm("GET", f"{jobs.workspace}/datastores/workspaceblobstore").json()
    keys = jobs.cloud.arm(
        "POST", f"{jobs.workspace}/datastores/workspaceblobstore/listSecrets", {}
    ).json()
    where = store["properties"]
    url = f"https://{where['accountName']}.blob.{where['endpoint']}/{where['containerName']}"
    account = where["accountName"].rpartition("/")[2]
    with ContainerClient.from_container_url(
        url,
        credential={"account_name": account, "account_key": keys["key"]},
        connection_verify=str(jobs.cloud.ca),
    ) as container:
        for name, text in files.items():
            container.upload_blob(f"{folder}/{name}", text.encode())
        return {"contextUri": f"{container.url}/{folder}/", "dockerfilePath": "Dockerfile"}


def test_a_script_in_a_container_sees_what_it_sees_elsewhere(
    jobs, base_image, docker_engine
) -> None:
    data = jobs.run(
        "echo in > ${{outputs.made}}/in.txt", outputs={"made": {"jobOutputType": "uri_folder"}}
    )
    code = jobs.code("seen", {"train.py": SEEN, "lib/a.txt": "a"})
    name = jobs.run(
        "python train.py ${{inputs.data}} ${{outputs.out}}",
        codeId=code,
        environmentVariables={"MINE": "x"},
        resources={"shmSize": "64m", "dockerArgs": "-e FLAG=on --ulimit nofile=1024:1024"},
        inputs={
            "data": {
                "jobInputType": "uri_folder",
                "uri": f"azureml://datastores/workspaceblobstore/paths/azureml/{data}/made/",
            }
        },
        outputs={"out": {"jobOutputType": "uri_folder"}},
    )
    assert jobs.status(name) == "Completed", jobs.details(name)
    seen = json.loads(jobs.log(name))
    assert seen.pop("memory") != "max"
    assert seen == {
        "run": name, "uid": os.getuid(), "init": "docker-init", "shm": 64 << 20, "mine": "x",
        "flag": "on", "lib": ["a.txt"], "agent": None, "host": False,
    }  # fmt: skip
    assert {"outputs/model.txt", "logs/own.txt"} <= jobs.artifacts(name)
    assert jobs.details(name)["properties"]["aml.image"] == base_image
    kinds = [
        (e["data"]["key"], e["data"]["value"]) for e in jobs.events(name) if e["kind"] == "property"
    ]
    assert kinds == [("aml.image", base_image)]
    assert containers(docker_engine, jobs.cloud.id) == []


def test_packages_are_built_into_the_image_once(jobs, base_image, docker_engine) -> None:
    conda = "dependencies:\n  - python=3.11\n  - pip:\n    - six==1.16.0\n"
    own = f"aml-test-own:{uuid.uuid4().hex}"  # the name of the base image counts
    docker_engine.images.get(base_image).tag(own)
    wanted = environment(jobs, image=own, condaFile=conda)
    names = [
        jobs.run("python -c 'import six; print(six.__file__)'", environmentId=wanted)
        for _ in range(2)
    ]
    facts = []
    for name in names:
        assert jobs.log(name).startswith("/opt/aml/environment/"), jobs.log(name, BUILD_LOG)
        facts.append(
            next(e["data"] for e in jobs.events(name) if e["data"].get("step") == "environment")
        )
    assert [each["reused"] for each in facts] == [False, True]
    assert (
        facts[0]["image"] == facts[1]["image"] == jobs.details(names[0])["properties"]["aml.image"]
    )
    assert f"FROM {own}" in jobs.log(names[0], BUILD_LOG)
    for tag in (facts[0]["image"], own):
        docker_engine.images.remove(tag, force=True)


def test_a_failing_command_in_a_container(jobs) -> None:
    name = jobs.run("echo oh no >&2; exit 3")
    says = jobs.details(name)["error"]["error"]["message"]
    assert says == "The command failed with exit code 3. Its last lines:\noh no"


def test_a_container_is_canceled_within_two_seconds(jobs, docker_engine) -> None:
    name = jobs.submit("echo up; python -c 'import time; time.sleep(60)'; true")
    waited(lambda: jobs.status(name) == "Running" and jobs.log(name))
    since = time.monotonic()
    jobs.cloud.arm("POST", f"{jobs.workspace}/jobs/{name}/cancel")
    assert jobs.until(name, ENDED) == "Canceled"
    assert time.monotonic() - since < 2
    assert containers(docker_engine, jobs.cloud.id) == []


def test_a_build_shows_its_log_and_is_canceled_within_two_seconds(jobs, base_image) -> None:
    dockerfile = f"FROM {base_image}\nRUN echo begun {uuid.uuid4()} && sleep 60\n"
    wanted = environment(jobs, build=build_context(jobs, Dockerfile=dockerfile))
    name = jobs.submit("true", environmentId=wanted)
    waited(lambda: jobs.status(name) == "Preparing" and "begun" in jobs.log(name, BUILD_LOG))
    since = time.monotonic()
    jobs.cloud.arm("POST", f"{jobs.workspace}/jobs/{name}/cancel")
    assert jobs.until(name, ENDED) == "Canceled"
    assert time.monotonic() - since < 2


def test_a_build_context_becomes_the_image_of_the_job(jobs, base_image, docker_engine) -> None:
    mark = str(uuid.uuid4())
    files = {
        "Dockerfile": f'FROM {base_image}\nCOPY mark /mark\nENTRYPOINT ["false"]\n',
        "mark": mark,
    }
    wanted = environment(jobs, build=build_context(jobs, **files))
    name = jobs.run("cat /mark", environmentId=wanted)
    assert jobs.log(name) == mark
    docker_engine.images.remove(jobs.details(name)["properties"]["aml.image"], force=True)
    broken = environment(
        jobs, build=build_context(jobs, Dockerfile=f"FROM {base_image}\nRUN exit 7\n")
    )
    failed = jobs.run("true", environmentId=broken)
    assert "returned a non-zero code: 7" in jobs.details(failed)["error"]["error"]["message"]


@pytest.mark.parametrize(
    ("image", "status", "says"),
    [
        ("127.0.0.1:9/mine:1", "Failed", "The image 127.0.0.1:9/mine:1 cannot be pulled:"),
        (
            "mcr.microsoft.com/azureml/curated/none:1",
            "Completed",
            "was not used: it cannot be pulled",
        ),
        (
            "mcr.microsoft.com/azureml/base:0.2.2",
            "Completed",
            "was not used: it is a base image of",
        ),
    ],
)
def test_an_image_that_is_not_there(jobs, image, status, says) -> None:
    name = jobs.run("true", environmentId=environment(jobs, image=image))
    assert jobs.status(name) == status
    found = jobs.details(name)
    assert says in (found["error"] or {}).get("error", found["properties"]).get(
        "message", found["properties"].get("aml.image")
    )
    assert says in jobs.log(name, BUILD_LOG)


def test_a_daemon_that_was_killed_leaves_no_container(tmp_path, base_image, docker_engine) -> None:
    process = start_daemon(tmp_path)
    try:
        with connect(tmp_path) as cloud:
            jobs = Jobs(cloud, make_workspace(cloud.arm, f"{SUB}/resourceGroups/killed"))
            jobs.cluster("cpu")
            jobs.put("environments/bare/versions/1", {"properties": {"image": base_image}})
            name = jobs.submit("sleep 60")
            waited(lambda: containers(docker_engine, cloud.id))
            jobs.until(name, {"Running"})
    finally:
        process.kill()
        process.communicate()
    stop_daemon(start_daemon(tmp_path))
    assert containers(docker_engine, cloud.id) == []


def test_a_build_that_fails_shows_no_password(jobs, base_image) -> None:
    package = "six @ https://me:a-password@127.0.0.1:9/six.txt"  # no archive: refused at once
    conda = f"dependencies:\n  - python=3.11\n  - pip:\n    - {package}\n"
    name = jobs.run("true", environmentId=environment(jobs, image=base_image, condaFile=conda))
    shown = jobs.details(name)["error"]["error"]["message"] + jobs.log(name, BUILD_LOG)
    assert "127.0.0.1:9" in shown
    assert "a-password" not in shown


def test_several_nodes_and_processes_are_containers_that_reach_each_other(jobs) -> None:
    script = (
        "import os, socket, time\n"
        "rank, world = int(os.environ['RANK']), int(os.environ['WORLD_SIZE'])\n"
        "place = os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT'])\n"
        "if rank == 0:\n"
        "    with socket.create_server(place) as server:\n"
        "        print(sorted(server.accept()[0].recv(9).decode() for _ in range(world - 1)))\n"
        "else:\n"
        "    for _ in range(200):\n"
        "        try:\n"
        "            socket.create_connection(place).sendall(str(rank).encode())\n"
        "            break\n"
        "        except OSError:\n"
        "            time.sleep(0.05)\n"
    )
    name = jobs.run(
        "python train.py",
        codeId=jobs.code("ranks", {"train.py": script}),
        resources={"instanceCount": 2},
        distribution={"distributionType": "PyTorch", "processCountPerInstance": 2},
    )
    assert jobs.status(name) == "Completed", jobs.details(name)
    assert jobs.log(name, "user_logs/std_log_process_0.txt") == "['1', '2', '3']\n"
