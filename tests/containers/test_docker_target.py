"""Runs in containers keep the contract of targets, against a real engine."""

import pytest

from runtime.testing.targets import MirroringContract, TargetContract

pytestmark = [pytest.mark.needs_docker, pytest.mark.slow]


class TestDockerTarget(TargetContract, MirroringContract):
    patience_s = 120.0

    @pytest.fixture
    def make_target(self, make_target):
        return make_target

    @pytest.fixture
    def make_run(self, make_run):
        return make_run
