"""The agent's options for a run, and that the agent understands them."""

from pathlib import Path

import pytest

from runtime.agent.options import launch_of, parsed, retries_of
from runtime.agent.ranks import Launch
from runtime.agent.retries import Retries
from runtime.model.launching import Distribution, RetryPolicy
from runtime.model.runs import RunSpec
from runtime.targets.agent_options import agent_options, ranked_options


def options(**fields):
    given = agent_options(RunSpec("a.py", Path(), **fields))
    return parsed(["run", *given, "--", "python", "a.py"])


def test_a_plain_run_needs_no_options():
    assert agent_options(RunSpec("a.py", Path())) == ()
    assert ranked_options(RunSpec("a.py", Path())) == ()
    assert launch_of(options()) is None


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (Distribution("mpi", processes_per_node=3), Launch("mpi", 3)),
        (Distribution("pytorch"), Launch("pytorch", 1)),
        (
            Distribution("pytorch", processes=4, backend="nccl"),
            Launch("pytorch", 4, backend="nccl"),
        ),
        (
            Distribution("tensorflow", workers=2, parameter_servers=1),
            Launch("tensorflow", workers=2, parameter_servers=1),
        ),
    ],
)
def test_processes_are_started_as_asked(how, expected):
    assert launch_of(options(distribution=how)) == expected


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (RetryPolicy(2), Retries(2)),
        (RetryPolicy(2, exit_codes=(75, 1)), Retries(2, frozenset({1, 75}))),
        (
            RetryPolicy(2, events=("out of memory", "lost")),
            Retries(2, events=frozenset({"out of memory"})),
        ),
        (RetryPolicy(2, events=("lost", "evicted")), Retries()),
        (RetryPolicy(0, exit_codes=(1,)), Retries()),
    ],
)
def test_the_agent_is_told_of_the_failures_that_it_sees(policy, expected):
    assert retries_of(options(retry=policy)) == expected


def test_agents_that_a_service_starts_take_their_rank_from_it():
    several = RunSpec("a.py", Path(), node_count=2, idle_timeout_s=60)
    assert ranked_options(several) == ("--idle-timeout=60", "--ranked")
    assert ranked_options(RunSpec("a.py", Path(), distribution=Distribution("mpi"))) == (
        "--ranked",
    )


def test_an_agent_does_not_start_other_nodes_again(capsys):
    given = ["run", "--hosts=a,b", "--max-retries=1", "--", "python"]
    with pytest.raises(SystemExit):
        parsed(given)
    assert "cannot start those of others again" in capsys.readouterr().err
