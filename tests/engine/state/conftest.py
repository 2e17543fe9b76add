import itertools
from pathlib import Path

import pytest

from infra.engine.model.resources import Resource
from infra.engine.state.backend import StateBackend
from infra.engine.state.disk import Disk
from infra.engine.state.secrets import Sealer

SALT = "v1:fozI5u6B030=:v1:F+6ZduKKd8G0/V7L:PGMFeIzwobWRKmEAzUdaQHqC5mMRIQ=="


@pytest.fixture(scope="session")
def sealer():
    """Pulumi's own test vector: the passphrase ``password`` with its salt."""
    return Sealer.from_passphrase("password", SALT, stack="dev")


@pytest.fixture(scope="session")
def other_sealer():
    return Sealer.from_passphrase("another", stack="dev")


@pytest.fixture
def clock():
    """Seconds that pass without waiting: each reading is a second later, from 2026-11-21."""
    return itertools.count(1_795_219_200_000_000_000, 1_000_000_000).__next__


@pytest.fixture
def backend(tmp_path, clock):
    return StateBackend(tmp_path, disk=Disk(durable=False), clock=clock)


@pytest.fixture
def stack_file(tmp_path):
    return tmp_path / ".pulumi/stacks/proj/dev.json"


@pytest.fixture
def journal_file(stack_file):
    return stack_file.with_name("dev.json.journal")


@pytest.fixture
def thing():
    def make(name, *, id="", parent="", needs=(), **fields):
        urn = f"urn:pulumi:dev::proj::things:index:Thing::{name}"
        return Resource(
            urn,
            "things:index:Thing",
            custom=True,
            id=id or f"/{name}",
            parent=parent,
            dependencies=tuple(f"urn:pulumi:dev::proj::things:index:Thing::{n}" for n in needs),
            **fields,
        )

    return make


@pytest.fixture
def deployed(backend, sealer, thing):
    """A stack of three things, one after the other."""

    def deploy(*resources):
        with backend.open("proj", "dev", sealer) as state:
            for resource in resources or (thing("a"), thing("b", needs="a"), thing("c", needs="b")):
                state.ok(state.begin("creating", resource), resource)

    return deploy


@pytest.fixture
def names():
    def of(loaded):
        return [resource.name for resource in loaded.resources]

    return of


@pytest.fixture
def checkpoints():
    return Path(__file__).parent / "checkpoints"
