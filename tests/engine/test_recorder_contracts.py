"""Every recorder keeps the contract: of previews, of state, and of the tests."""

from contextlib import contextmanager

import pytest

from infra.engine.deployment.recorder import NullRecorder
from infra.engine.model.resources import Loaded
from infra.engine.state.backend import StateBackend
from infra.engine.state.disk import Disk
from infra.engine.state.secrets import Sealer
from tests.engine.cloud import Notebook
from tests.engine.recorder_contract import KeepingRecorderContract, RecorderContract


@pytest.fixture(scope="module")
def sealer():
    return Sealer.from_passphrase("password", stack="dev")


class TestNullRecorder(RecorderContract):
    @pytest.fixture
    def record(self):
        @contextmanager
        def opened():
            yield NullRecorder()

        return opened


class TestNotebook(KeepingRecorderContract):
    @pytest.fixture
    def notebooks(self):
        return [Notebook(Loaded())]

    @pytest.fixture
    def record(self, notebooks):
        @contextmanager
        def opened():
            notebooks.append(Notebook(notebooks[-1].loaded()))
            yield notebooks[-1]

        return opened

    @pytest.fixture
    def load(self, notebooks):
        def latest():
            return notebooks[-1].loaded()

        return latest


class TestStackState(KeepingRecorderContract):
    @pytest.fixture
    def backend(self, tmp_path):
        return StateBackend(tmp_path, disk=Disk(durable=False))

    @pytest.fixture
    def record(self, backend, sealer):
        return lambda: backend.open("proj", "dev", sealer)

    @pytest.fixture
    def load(self, backend, sealer):
        return lambda: backend.load("proj", "dev", sealer)
