"""Run on every pull request, before anything is previewed."""

from churn.model import accuracy, best_threshold

CUSTOMERS = [(0, False), (1, False), (3, True), (5, True)]


def test_the_threshold_separates_those_who_left() -> None:
    assert best_threshold(CUSTOMERS) == 1
    assert accuracy(CUSTOMERS, 1) == 1.0
