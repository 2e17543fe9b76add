"""A job on its nodes, watched by one thread."""

from types import SimpleNamespace

import pytest

from localcloud.nodes.execution import Execution, in_words
from localcloud.nodes.ranks import starts_of
from runtime.model.states import RunState


class EndsBetweenTwoLooks:
    """A process that runs at the first look, and has ended at every later one."""

    def __init__(self):
        self._codes = iter([None])

    @property
    def exit_code(self):
        return next(self._codes, 0)

    def wait(self, seconds):
        assert seconds > 0


def test_a_process_that_ends_between_two_looks_completes_its_run(tmp_path):
    job = SimpleNamespace(name="job", timeout_s=None)
    shared = SimpleNamespace(cloud=None, look_every_s=0.2, grace_s=0.0)
    execution = Execution(job, (), tmp_path, shared, lambda *_: None)
    ended = execution._supervise([EndsBetweenTwoLooks()], starts_of(None, "true", ("/wd",)))
    assert (ended.state, ended.exit_code) == (RunState.COMPLETED, 0)


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (StopIteration(), "StopIteration"),
        (KeyError("a"), "KeyError: 'a'"),
        (OSError(5, "I/O"), "OSError: [Errno 5] I/O"),
    ],
)
def test_an_unexpected_error_says_its_kind(error, shown):
    assert in_words(error) == shown
