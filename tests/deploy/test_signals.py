"""Ctrl-C once finishes the operations in progress, twice stops."""

import os
import signal
from dataclasses import dataclass, field

import pytest

from infra.deploy.run.signals import interruptible
from infra.engine.deployment.session import Cancellation


@dataclass
class Recorded:
    """A cancellation that records the calls it receives."""

    calls: list[str] = field(default_factory=list)

    @property
    def stopped(self):
        return bool(self.calls)

    def stop(self):
        self.calls.append("stop")

    def abandon(self):
        self.calls.append("abandon")


class CancellableContract:
    """What every cancellation promises the signal handlers."""

    def test_nothing_is_stopped_at_first(self, cancellation):
        assert not cancellation.stopped

    def test_it_is_stopped_once_it_was_asked_to(self, cancellation):
        cancellation.stop()
        assert cancellation.stopped

    def test_abandoning_stops_as_well(self, cancellation):
        cancellation.abandon()
        assert cancellation.stopped

    def test_stopping_twice_is_harmless(self, cancellation):
        cancellation.stop()
        cancellation.stop()
        assert cancellation.stopped


class TestRecorded(CancellableContract):
    @pytest.fixture
    def cancellation(self):
        return Recorded()


class TestCancellationOfTheEngine(CancellableContract):
    @pytest.fixture
    def cancellation(self):
        return Cancellation()


def test_the_first_interrupt_finishes_and_the_second_stops():
    cancellation, said = Recorded(), []
    with interruptible(cancellation, said.append):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
    assert cancellation.calls == ["stop", "abandon"]
    assert ["Finishing" in said[0], "Stopping now" in said[1]] == [True, True]


def test_the_handlers_are_put_back():
    before = signal.getsignal(signal.SIGINT)
    with interruptible(Recorded(), print):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
