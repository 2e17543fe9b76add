"""Unmodified azure-ai-ml: a search for a model in a pipeline, here a forecast of two series."""

import json

import pytest
import yaml

pytestmark = [pytest.mark.needs_clients, pytest.mark.slow, pytest.mark.timeout(900)]

PROGRAMS = {"sdk_automl": ("azure-ai-ml==1.35.2", "azure-identity==1.27.0")}


@pytest.fixture(scope="module")
def observed(observe):
    return observe("sdk_automl")


@pytest.fixture(scope="module")
def ran(observed):
    return observed["ran"]


def test_a_search_is_a_node_whose_trials_are_its_children(ran):
    assert (ran["log"], ran["state"]) == ([], ["Completed", "Completed"])
    assert (ran["job"], ran["children"]) == (["ForecastingJob", "sales"], [2, True])


def test_the_best_model_is_the_one_that_fits_the_season_of_every_series(ran):
    (notes,) = ran["notes"]
    assert notes["model"] == "ExponentialSmoothing"
    assert notes["metrics"]["normalized_root_mean_squared_error"] < 0.01


def test_the_best_model_is_an_output_that_takes_the_columns_that_name_a_series(ran):
    (model,) = map(yaml.safe_load, ran["models"])
    assert [each["name"] for each in json.loads(model["signature"]["inputs"])] == ["month", "shop"]


def test_what_a_search_has_wrong_is_refused_when_it_is_submitted(observed):
    assert observed["refused"] == [400, True]
