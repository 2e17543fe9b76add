"""Arguments of `docker run`: what they mean for a run's container, and what is refused."""

import pytest

from infra.contract.errors import UsageError
from runtime.environments.docker_arguments import RunArguments, run_arguments

G = 1024**3


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--shm-size 2g", "-m=512m"], RunArguments({"shm_size": 2 * G, "mem_limit": G // 2})),
        (["--memory-swap=-1"], RunArguments({"memswap_limit": -1})),
        (["--cpus", "1.5"], RunArguments({"nano_cpus": 1_500_000_000})),
        (["-v", "/a:/b:ro", "-v~/x:/y"], RunArguments({"binds": ["/a:/b:ro", "~/x:/y"]})),
        (["-e", "A=b=c", "-eB"], RunArguments(variables={"A": "b=c", "B": None})),
        (["--gpus", '"device=0,1"'], RunArguments(gpus="device=0,1")),
        (["--net", "host"], RunArguments({"network_mode": "host"})),
        (["-u", "1:2", "--hostname=h"], RunArguments(own={"user": "1:2", "hostname": "h"})),
        (
            ["-p", "6006", "-p", "127.0.0.1:80:81/udp"],
            RunArguments({"port_bindings": {"6006/tcp": None, "81/udp": ("127.0.0.1", 80)}}),
        ),
        (["--rm", "--init", "--privileged"], RunArguments({"privileged": True})),
    ],
)
def test_arguments_become_settings_of_a_container(words, expected):
    assert run_arguments(words) == expected


def test_all_that_a_run_cannot_have_is_in_one_message():
    words = ["--name", "x", "-it", "--memory", "lots", "--gpu=1", "--frobnicate", "y", "--cpus"]
    with pytest.raises(UsageError) as refused:
        run_arguments(words, at="a.runconfig:3")
    assert refused.value.at == "a.runconfig:3"
    for problem in (
        "`--name` (it is made from the run's id)",
        "`-it` (nobody is at the keyboard of a run)",
        "`--memory lots`: write a size such as 512m or 2g",
        "`--gpu=1` is not known (did you mean `--gpus`?)",
        "`--frobnicate` is not known;",
        "`--cpus` has no value",
    ):
        assert problem in refused.value.detail
