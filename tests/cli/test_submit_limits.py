"""Retries and timeouts of `aml submit`."""

from pathlib import Path

import pytest

from infra.contract.errors import UsageError
from runtime.cli.submit import with_limits
from runtime.cli.submit_command import LimitOptions
from runtime.model.launching import RetryPolicy
from runtime.model.runs import RunSpec

SPEC = RunSpec("a.py", Path(), retry=RetryPolicy(1), idle_timeout_s=5)
AGAIN = """\
import os, sys
print("attempt", os.environ["AML_ATTEMPT"])
sys.exit(75 if os.environ["AML_ATTEMPT"] == "1" else 0)
"""


def test_what_is_not_given_stays_as_it_is():
    assert with_limits(SPEC, LimitOptions()) == SPEC


def test_the_command_line_says_when_a_run_starts_again_and_ends():
    given = LimitOptions(3, (75,), ("idle",), "10m", "1h")
    found = with_limits(SPEC, given)
    assert found.retry == RetryPolicy(3, (75,), ("idle",))
    assert (found.idle_timeout_s, found.queue_timeout_s) == (600, 3600)


@pytest.mark.parametrize("given", [LimitOptions(exit_codes=(1,)), LimitOptions(0, (), ("idle",))])
def test_a_condition_without_retries_is_an_error(given):
    with pytest.raises(UsageError, match="--retries is missing"):
        with_limits(SPEC, given)


def test_a_run_starts_again_and_the_user_is_told(desk):
    said = desk.submit(AGAIN, "--retries", "1", "--queue-timeout", "5m")
    assert said.code == 0, said.err
    assert "attempt 2" in said.out
    assert "It starts again: attempt 2 of 2." in said.err
    assert "ignores a queue timeout of 300 s: it has no queue" in said.err
