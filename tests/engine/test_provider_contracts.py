"""Every provider of the engine's tests, and the engine's own, keeps the provider's contract."""

import pytest

from infra.engine.deployment.builtin import STACK_REFERENCE, BuiltinProvider
from infra.engine.deployment.unconfigured import UnconfiguredProvider
from tests.contract.provider_contract import (
    CancelsContract,
    ConfigurableContract,
    InvokesContract,
    LifecycleContract,
    LocatesContract,
    ProviderContract,
    RepeatableContract,
    Sample,
)
from tests.engine import sqlite_cloud
from tests.engine.cloud import FIXED, THING, Account, Cloud, CloudProvider, Plain
from tests.engine.monitor.embedded import AzureLike

THINGS = Sample(THING, {"x": 1}, {"x": 2}, "/gone")
FIXED_THINGS = Sample(FIXED, {"x": 1}, {"x": 2}, "/gone")
COMPUTE = Sample(
    "azure-native:machinelearningservices:Compute",
    {"resourceGroupName": "rg", "workspaceName": "ws", "computeName": "cpu", "tags": {"a": "1"}},
    {"resourceGroupName": "rg", "workspaceName": "ws", "computeName": "cpu", "tags": {"a": "2"}},
    "/subscriptions/0/gone",
)


class TestPlain(LifecycleContract):
    @pytest.fixture
    def provider(self):
        return Plain(Cloud())

    @pytest.fixture(params=[THINGS, FIXED_THINGS], ids=["auto-name", "fixed"])
    def sample(self, request):
        return request.param


class TestCloudProvider(LifecycleContract, LocatesContract, InvokesContract):
    @pytest.fixture
    def provider(self):
        return CloudProvider(Cloud())

    @pytest.fixture
    def sample(self):
        return THINGS

    @pytest.fixture
    def function(self):
        return "test:index:echo", {"a": 1}


class TestAccount(
    LifecycleContract, LocatesContract, ConfigurableContract, RepeatableContract, CancelsContract
):
    @pytest.fixture
    def provider(self):
        return Account(Cloud())

    @pytest.fixture
    def sample(self):
        return THINGS

    @pytest.fixture
    def config(self):
        return {"account": "one"}


class TestAzureLike(TestAccount, InvokesContract):
    @pytest.fixture
    def provider(self):
        return AzureLike(Cloud())

    @pytest.fixture
    def sample(self):
        return COMPUTE

    @pytest.fixture
    def function(self):
        return "azure-native:authorization:getClientConfig", {}


class TestThings(LifecycleContract, LocatesContract):
    @pytest.fixture
    def provider(self, tmp_path):
        return sqlite_cloud.Things(sqlite_cloud.Cloud(tmp_path / "cloud.sqlite"))

    @pytest.fixture
    def sample(self):
        return Sample("things:index:Thing", {"size": 1}, {"size": 2}, "/Thing/gone")


class TestBuiltinProvider(ProviderContract):
    @pytest.fixture
    def provider(self):
        return BuiltinProvider(lambda _project, _stack: {"a": 1})

    @pytest.fixture
    def sample(self):
        return Sample(STACK_REFERENCE, {"name": "dev"}, {"name": "prod"}, "gone")


class TestUnconfiguredProvider(ProviderContract):
    @pytest.fixture
    def provider(self):
        return UnconfiguredProvider()

    @pytest.fixture
    def sample(self):
        return THINGS
