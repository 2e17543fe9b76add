"""The order of deletions, and what is kept when one fails."""

import pytest

from infra.engine.deployment.walk import walk

CHAIN = {0: set(), 1: {0}, 2: {1}, 3: {2}}
DIAMOND = {0: set(), 1: {0}, 2: {0}, 3: {1, 2}}


def walked(needed, fails=()):
    done = []

    def work(position):
        done.append(position)
        return position not in fails

    return done, walk(needed, work, 1)


def test_dependents_come_first():
    assert walked(CHAIN) == ([3, 2, 1, 0], set())


@pytest.mark.parametrize(
    ("needed", "failing", "kept"),
    [(CHAIN, 3, {0, 1, 2}), (CHAIN, 1, {0}), (CHAIN, 0, set()), (DIAMOND, 3, {0, 1, 2})],
)
def test_everything_below_a_failure_is_kept(needed, failing, kept):
    done, left = walked(needed, {failing})
    assert left == kept
    assert kept.isdisjoint(done)


def test_a_failure_on_one_branch_leaves_the_other_alone():
    done, kept = walked(DIAMOND, {1})
    assert done == [3, 2, 1]
    assert kept == {0}
