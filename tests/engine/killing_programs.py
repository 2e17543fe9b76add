"""Runs a real Pulumi program that is killed in the middle, and judges the next runs of it.

As ``killing``, with the SDK above the engine: a few points, because each costs a tenth of a second.
"""

import json
import os
import random
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from infra.engine.deployment.deployment import Deployment
from infra.engine.deployment.run import Run
from infra.engine.model.events import Event, Op
from infra.engine.monitor.monitor import run_program
from infra.engine.state.disk import Disk
from tests.engine.dying_disk import DIED, PHASES, DyingDisk, Fate
from tests.engine.killing import (
    CANARY,
    FAILED,
    PROJECT,
    SEALER,
    STACK,
    World,
    answerless,
    disagreements,
)
from tests.engine.sqlite_cloud import Things

PROGRAM = Path(__file__).parent / "monitor" / "programs" / "killed"
BEFORE = {"killed:size": "2", "killed:kind": "a", "killed:password": CANARY}
AFTER = {"killed:size": "3", "killed:kind": "b", "killed:password": CANARY}


def up(world: World, config: dict[str, str], disk: Disk | None = None) -> dict[str, int]:
    """Run the program in this process; return the steps by what they did."""

    def listener(event: Event) -> None:
        pass

    with world.backend(disk).open(PROJECT, STACK, SEALER) as state:
        run = Run(
            project=PROJECT,
            stack=STACK,
            loaded=state.loaded,
            recorder=state,
            providers={"things": Things(world.cloud)},
            listener=listener,
        )
        deployment = Deployment(run)
        ended = run_program(
            PROGRAM,
            deployment,
            project=PROJECT,
            stack=STACK,
            root=PROGRAM.parent,
            config=config,
            secret_keys=["killed:password"],
            parallel=4,
            preview=False,
        )
        summary = deployment.close(program_failed=ended.failed)
        if summary.failed:
            raise AssertionError(f"the run failed: {ended.error}")
    return {str(op): count for op, count in summary.changes.items() if count}


def is_killed(world: World, config: dict[str, str], fate: Fate) -> bool:
    """Run in a child that dies as ``fate`` says; return whether it did."""
    child = os.fork()
    if child == 0:
        try:
            fate.finish = lambda begun: answerless(world.cloud, begun)
            up(world, config, DyingDisk(fate))
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the child must never return into the parent's code
            traceback.print_exc()
            os._exit(FAILED)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in {0, DIED}:
        raise AssertionError(f"the child ended with {code}")
    return code == DIED


def judged(world: World, config: dict[str, str]) -> Iterator[str]:
    """Yield what is wrong after a death."""
    up(world, config)
    again = up(world, config)
    if set(again) - {str(Op.SAME)}:
        yield f"the run after the next still did {again}"
    yield from disagreements(world)


def fates(points: int) -> Iterator[Fate]:
    """Yield deaths spread over a run, each in another phase."""
    choice = random.Random(7)  # noqa: S311 - the same points each time
    for number in range(points):
        done = choice.random() < 0.5
        yield Fate(1 + 2 * number, PHASES[number % len(PHASES)], done=done)


def main(folder: Path, points: int) -> None:
    """Print how many of the points died and what went wrong, as JSON."""
    SEALER.seal("")  # the thread that derives the key would be lost in a fork
    empty = World(folder / "empty")
    base = World(folder / "base")
    for world in (empty, base):
        world.folder.mkdir(parents=True)
    if not os.fork():  # no program runs in the process that forks: its threads would be lost
        up(base, BEFORE)
        os._exit(0)
    os.wait()
    died, failures = 0, []
    for start, config in ((empty, BEFORE), (base, AFTER)):
        for fate in fates(points):
            world = start.copy(folder / "point")
            died += is_killed(world, config, fate)
            failures += [f"{fate.at}, {fate.phase}, {fate.done}: {e}" for e in apart(world, config)]
    json.dump({"points": died, "failures": failures}, sys.stdout)


def apart(world: World, config: dict[str, str]) -> list[str]:
    """Judge in a child, for the same reason; return what it found."""
    reader, writer = os.pipe()
    if not os.fork():
        try:
            found = list(judged(world, config))
        except BaseException:  # noqa: BLE001 - it is a finding
            found = [traceback.format_exc()]
        os.write(writer, json.dumps(found).encode()[:60_000])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as source:
        found = json.load(source)
    os.wait()
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
