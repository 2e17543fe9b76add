"""Arguments of `docker run` as options of Docker's API."""

import pytest

from infra.contract.errors import UsageError
from localcloud.calls.docker_arguments import docker_options
from runtime.environments.docker_arguments import size_bytes

GPU = {"Driver": "", "Count": -1, "Capabilities": [["gpu"]]}


@pytest.mark.parametrize(
    ("arguments", "host"),
    [
        ("", {}),
        ("--shm-size=2g --ipc host", {"shm_size": 2 << 30, "ipc_mode": "host"}),
        ("-m 512m", {"mem_limit": 512 << 20}),
        ("-m512m", {"mem_limit": 512 << 20}),
        ("--cpus 1.5", {"nano_cpus": 1_500_000_000}),
        ("--privileged --read-only=false", {"privileged": True}),
        ("--ulimit nofile=1:2", {"ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}]}),
        ("--cap-add A --cap-add=B", {"cap_add": ["A", "B"]}),
        ("-v /a:/b:ro -v /c:/d", {"binds": ["/a:/b:ro", "/c:/d"]}),
        ("--add-host db:10.0.0.1", {"extra_hosts": {"db": "10.0.0.1"}}),
        ("--tmpfs /x:size=1m", {"tmpfs": {"/x": "size=1m"}}),
        ("--gpus all", {"device_requests": [GPU]}),
    ],
)
def test_options(arguments, host) -> None:
    assert dict(docker_options(arguments).host) == host


def test_variables_and_labels() -> None:
    found = docker_options(["-e", "A=1", "--env=B=x=y", "--label", "team=ml"])
    assert (found.variables, found.labels) == ({"A": "1", "B": "x=y"}, {"team": "ml"})


def test_every_argument_that_cannot_be_used_is_named() -> None:
    with pytest.raises(UsageError) as refused:
        docker_options("--network none --rm -m much --shm-size 1g --name x")
    for part in ("`--network` (it is decided by the node)", "`--memory much`", "`--name`"):
        assert part in refused.value.detail
    assert "--shm-size" in refused.value.remedy
    assert "--network" not in refused.value.remedy
    with pytest.raises(UsageError, match="-e FROM_HOST"):
        docker_options("-e FROM_HOST")


@pytest.mark.parametrize(("text", "size"), [("2g", 2 << 30), ("64M", 64 << 20), ("1.5kb", 1536)])
def test_sizes(text, size) -> None:
    assert size_bytes(text) == size
