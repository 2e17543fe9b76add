"""Interim checkpoints are written at once while they are cheap, and later when they are not."""

import threading

from infra.engine.state.interim import InterimCheckpoints

MS = 1_000_000


class Clock:
    """Time passes only when it is told to."""

    now = 0

    def __call__(self):
        return self.now


def test_what_costs_little_is_written_at_every_change():
    clock, written = Clock(), []

    def write():
        clock.now += MS
        written.append(clock.now)

    interim = InterimCheckpoints(lambda: write, threading.Lock(), clock)
    for _ in range(50):
        interim.changed()
    assert len(written) == 50


def test_what_costs_much_is_written_later_and_once_for_many_changes():
    clock, lock, done = Clock(), threading.Lock(), threading.Event()
    written = []

    def write():
        clock.now += 99 * MS
        written.append(clock.now)
        if len(written) > 1:
            done.set()

    interim = InterimCheckpoints(lambda: write, lock, clock)
    interim.changed()
    clock.now += 2900 * MS
    for _ in range(5):
        interim.changed()
    assert len(written) == 1
    assert done.wait(10)
    with lock:
        interim.end()
    assert len(written) == 2


def test_nothing_is_written_after_the_end():
    written = []
    interim = InterimCheckpoints(
        lambda: lambda: written.append(1), threading.Lock(), Clock(), apart=True
    )
    interim.end()
    interim.changed()
    interim.wait()
    assert written == []


def test_a_run_goes_on_while_one_is_written_apart_and_its_end_waits_for_it():
    lock, begun, goes_on, written = threading.Lock(), threading.Event(), threading.Event(), []

    def write():
        begun.set()
        assert goes_on.wait(10)
        written.append(1)

    interim = InterimCheckpoints(lambda: write, lock, Clock(), apart=True)
    interim.changed()
    assert begun.wait(10)
    with lock:  # what writes it does not hold it
        interim.changed()
        interim.end()
    goes_on.set()
    interim.wait()
    assert written == [1]
