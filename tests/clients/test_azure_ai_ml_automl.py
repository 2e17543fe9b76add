"""Unmodified azure-ai-ml: a search for a model."""

import pytest

pytestmark = [pytest.mark.needs_clients, pytest.mark.slow, pytest.mark.timeout(900)]

PROGRAMS = {"sdk_automl": ("azure-ai-ml==1.35.2", "azure-identity==1.27.0")}


@pytest.fixture(scope="module")
def observed(observe):
    return observe("sdk_automl")


def test_a_search_runs_its_trials_as_children_and_leaves_the_best_model(observed):
    assert observed["ran"] == {
        "state": "Completed",
        "job": ["ClassificationJob", "kind"],
        "children": [2, True],
        "model": ["model"],
        "log": [],
    }


def test_what_a_search_has_wrong_is_refused_when_it_is_submitted(observed):
    assert observed["refused"] == [400, True]
