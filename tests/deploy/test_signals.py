"""Ctrl-C once finishes the operations in progress, twice stops."""

import os
import signal
from dataclasses import dataclass, field

from infra.deploy.run.signals import interruptible


@dataclass
class Cancellation:
    calls: list[str] = field(default_factory=list)

    @property
    def stopped(self):
        return "stop" in self.calls

    def stop(self):
        self.calls.append("stop")

    def abandon(self):
        self.calls.append("abandon")


def test_the_first_interrupt_finishes_and_the_second_stops():
    cancellation, said = Cancellation(), []
    with interruptible(cancellation, said.append):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
    assert cancellation.calls == ["stop", "abandon"]
    assert ["Finishing" in said[0], "Stopping now" in said[1]] == [True, True]


def test_the_handlers_are_put_back():
    before = signal.getsignal(signal.SIGINT)
    with interruptible(Cancellation(), print):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
