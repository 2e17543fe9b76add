"""Fixtures for tests of the engine."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.engine.cloud import Account, Plain, Stage


@pytest.fixture
def stage() -> Stage:
    """Return an empty stack over an empty cloud."""
    return Stage()


@pytest.fixture
def accounts() -> Stage:
    """Return the same with a provider that has a configuration."""
    return Stage(Account)


@pytest.fixture
def plain() -> Stage:
    """Return the same with a provider that has nothing optional."""
    return Stage(Plain)


@pytest.fixture
def in_background() -> Iterator[Callable[[Callable[[], object]], Future[Any]]]:
    """Return a function that runs another on a thread, as the SDK's executor does."""
    with ThreadPoolExecutor(8) as pool:
        yield pool.submit
