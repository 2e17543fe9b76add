"""A submitter that is killed at any moment: the run is there once or not at all, and known."""

import pytest

from tests.killed_submitters import assert_once_or_not_at_all, killed_at_each_stage

pytestmark = [pytest.mark.needs_docker, pytest.mark.slow]


def test_a_run_is_there_once_or_not_at_all(tmp_path, base, engine):
    environ = {"AML_DOCKER_BASE_IMAGE": base}
    homes = killed_at_each_stage(tmp_path, ["--target", "docker"], environ)
    for run in assert_once_or_not_at_all(homes, environ):
        label = {"label": f"aml.run={run}"}
        assert not engine.api.containers(all=True, filters=label)
