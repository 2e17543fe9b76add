"""When a table says that there are new runs."""

import pytest

from runtime.history.child_runs import PARENT
from runtime.studio.live import Newest
from tests.studio.conftest import record


@pytest.fixture
def known(history):
    history.add(record(1))
    return history


def test_a_new_run_is_told_once(known):
    newest = Newest(known)
    assert not newest.has_more()
    known.add(record(2))
    assert newest.has_more()
    assert not newest.has_more()


def test_a_new_trial_or_step_is_not_told_of(known):
    newest = Newest(known)
    known.add(record(2, properties={PARENT: "run1"}))
    assert not newest.has_more()
    known.add(record(3))
    known.add(record(4, properties={PARENT: "run3"}))
    assert newest.has_more()


def test_the_first_run_of_a_project_is_told(history):
    newest = Newest(history)
    assert not newest.has_more()
    history.add(record(1))
    assert newest.has_more()
