"""Runs deployments that are killed at every change they make to a file, and judges the next ones.

A program of its own, started by ``test_kill_points``: it forks a child for each run that is to
die, so that a point costs milliseconds. Goals go straight into the engine; the cloud is an SQLite
file that outlives every process.
"""

import hashlib
import json
import os
import random
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from infra.engine.deployment.deletion import destroy
from infra.engine.deployment.deployment import Deployment
from infra.engine.deployment.refresh import refresh
from infra.engine.deployment.run import Run
from infra.engine.deployment.session import Options
from infra.engine.model.events import Event, Message, Op
from infra.engine.model.goals import Goal
from infra.engine.model.resources import PROVIDER_PREFIX, STACK_TYPE
from infra.engine.model.values import Secret, plain
from infra.engine.state.backend import StateBackend
from infra.engine.state.disk import Disk
from infra.engine.state.properties import Vault, decoded
from infra.engine.state.secrets import Sealer
from tests.engine.cli_reader import read_as_the_cli
from tests.engine.dying_disk import DIED, PHASES, DyingDisk, Fate
from tests.engine.sqlite_cloud import Cloud, Things, do

PROJECT, STACK, CANARY = "killed", "dev", "c4n4ry"
FAILED = 99
SEALER = Sealer.from_passphrase("kill")


@dataclass(frozen=True)
class World:
    """One folder: state and cloud."""

    folder: Path

    @property
    def cloud(self) -> Cloud:
        return Cloud(self.folder / "cloud.sqlite")

    def backend(self, disk: Disk | None = None) -> StateBackend:
        return StateBackend(self.folder / "state", disk=disk or Disk(durable=False))

    def copy(self, folder: Path) -> "World":
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder)
        return World(folder)


@dataclass
class FinishedRun:
    """What a run that lived to its end says."""

    failed: bool
    ops: Mapping[str, int]
    messages: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Thing:
    """One resource of a program: what it depends on comes before it."""

    name: str
    size: int = 1
    kind: str = "a"
    first: bool = False
    fixed: bool = False
    needs: tuple[str, ...] = ()
    secret: bool = False
    of: str = ""
    imported: bool = False

    def goal(self, made: Mapping[str, Any], parent: str) -> Goal:
        inputs: dict[str, Any] = {"size": self.size, "kind": self.kind}
        if self.first:
            inputs["first"] = True
        if self.fixed:
            inputs["name"] = self.name
        if self.secret:
            inputs["password"] = Secret(CANARY)
        urns = tuple(made[name].urn for name in self.needs)
        depends = {key: [] for key in inputs}
        if self.of:
            inputs["kind"] = made[self.of].outputs["kind"]
            depends["kind"] = [made[self.of].urn]
            urns = (*urns, made[self.of].urn)
        return Goal(
            "things:index:Thing",
            self.name,
            custom=True,
            inputs=inputs,
            parent=parent,
            dependencies=urns,
            property_dependencies=depends,
            import_id=f"/Thing/{self.name}" if self.imported else "",
        )


Program = Sequence[Thing]


def fan(sizes: Mapping[str, int]) -> Program:
    return (
        Thing("group", fixed=True),
        *(
            Thing(name, size=size, needs=("group",), secret=name == "b")
            for name, size in sizes.items()
        ),
    )


def mix(kind: str, size: int) -> Program:
    return (
        Thing("plain"),
        Thing("swapped", kind=kind),
        Thing("user", size=size, needs=("swapped",)),
        Thing("broken", kind=kind, first=True, fixed=True),
        Thing("dragged", of="broken", first=True, fixed=True),
        Thing("resized", size=size, needs=("broken",)),
    )


DEEP: Program = (
    Thing("root"),
    Thing("left", needs=("root",)),
    Thing("right", needs=("root",)),
    Thing("join", needs=("left", "right")),
    *(
        Thing(f"deep{level}", needs=(f"deep{level - 1}" if level else "join",))
        for level in range(5)
    ),
)


FOUND = ("one", "two", "three")
IMPORTED: Program = (
    Thing("group", fixed=True),
    *(Thing(name, fixed=True, needs=("group",), imported=True) for name in FOUND),
    Thing("new", needs=FOUND),
)


def nothing(world: World) -> None:
    """Leave the cloud as the run before left it."""


def made_by_others(world: World) -> None:
    """Make what the program is to import."""
    for name in FOUND:
        world.cloud.put(f"/Thing/{name}", {"size": 1, "kind": "a", "name": name})


def changed_by_others(world: World) -> None:
    """Change every other thing of the cloud, and delete the last one."""
    ids = world.cloud.ids()
    for id_ in ids[::2]:
        world.cloud.put(id_, {**(world.cloud.find(id_) or {}), "size": 7})
    world.cloud.drop(ids[-1])


@dataclass(frozen=True)
class Shape:
    """What is there before, and what the run that dies wants. ``None``: nothing, destroy.

    ``meanwhile`` is what others do to the cloud in between. ``refreshes``: the run reads all of
    ``before`` back, and ``after`` means nothing.
    """

    before: Program | None
    after: Program | None
    parallel: int = 1
    meanwhile: Callable[[World], None] = nothing
    refreshes: bool = False


SHAPES: Mapping[str, Shape] = {
    "first_up": Shape(None, fan({"a": 1, "b": 1, "c": 1, "d": 1})),
    "second_up": Shape(
        fan({"a": 1, "b": 1, "c": 1, "gone": 1}), fan({"a": 2, "b": 2, "c": 1, "new": 1})
    ),
    "replace_mix": Shape(mix("a", 1), mix("b", 2)),
    "destroy": Shape(DEEP, None),
    "at_once": Shape(fan(dict.fromkeys("abc", 1)), fan(dict.fromkeys("abcdefgh", 2)), parallel=8),
    "import": Shape(None, IMPORTED, meanwhile=made_by_others),
    "refresh": Shape(
        fan(dict.fromkeys("abcdef", 1)), None, meanwhile=changed_by_others, refreshes=True
    ),
}


def deploy(world: World, program: Program | None) -> FinishedRun:
    """Bring the world to a program, or to nothing, in this process."""
    return run(world, Shape(None, program))


def run(world: World, shape: Shape, disk: Disk | None = None) -> FinishedRun:
    """Bring the world to what a shape wants, in this process."""
    program, parallel = shape.after, shape.parallel
    ops: dict[str, int] = {}
    messages: list[str] = []

    def listener(event: Event) -> None:
        if isinstance(event, Message):
            messages.append(event.text)

    with world.backend(disk).open(PROJECT, STACK, SEALER) as state:
        operation = Run(
            project=PROJECT,
            stack=STACK,
            loaded=state.loaded,
            recorder=state,
            providers={"things": Things(world.cloud)},
            listener=listener,
            options=Options(parallel=parallel),
        )
        if shape.refreshes:
            summary = refresh(operation)
        elif program is None:
            summary = destroy(operation)
        else:
            deployment = Deployment(operation)
            register(deployment, program, parallel)
            deployment.finish()
            summary = deployment.close(program_failed=False)
        ops = {str(op): count for op, count in summary.changes.items()}
    return FinishedRun(summary.failed, ops, messages)


def register(deployment: Deployment, program: Program, parallel: int) -> None:
    """Register as an SDK does: what needs nothing that is missing goes at once."""
    root = deployment.register(Goal(STACK_TYPE, f"{PROJECT}-{STACK}", custom=False)).urn
    box = deployment.register(Goal("things:index:Box", "box", custom=False, parent=root)).urn
    made: dict[str, Any] = {}

    def one(thing: Thing) -> None:
        made[thing.name] = deployment.register(thing.goal(made, box if thing.needs else root))

    left = list(program)
    with ThreadPoolExecutor(parallel) as pool:
        while left:
            ready = [t for t in left if {*t.needs, t.of or t.name} - {t.name} <= made.keys()]
            batch = ready if parallel > 1 else ready[:1]
            list(pool.map(one, batch))
            left = [thing for thing in left if thing not in batch]
    deployment.register_outputs(box, {"names": sorted(made)})
    deployment.register_outputs(root, {"count": len(made), "token": Secret(CANARY)})


def answerless(cloud: Cloud, begun: Mapping[str, Any]) -> None:
    """Have the cloud do what was begun: the call arrives, the answer is lost."""
    state = begun["state"]
    inputs = plain(decoded(state.get("inputs", {}), Vault(SEALER), state["urn"]))
    do(cloud, begun["kind"], state, inputs)


def is_killed(world: World, shape: Shape, fate: Fate) -> bool:
    """Run in a child that dies as ``fate`` says; return whether it did."""
    child = os.fork()
    if child == 0:
        try:
            fate.finish = lambda begun: answerless(world.cloud, begun)
            run(world, shape, DyingDisk(fate))
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the child must never return into the parent's code
            traceback.print_exc()
            os._exit(FAILED)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in {0, DIED}:
        raise AssertionError(f"the child ended with {code}")
    return code == DIED


def is_taken(world: World, kept: Path | None) -> bool:
    """Say whether there is a checkpoint; one that the Pulumi CLI would refuse is an error.

    A copy of each, named by its content, is in the folder ``kept`` afterwards.
    """
    file = world.folder / "state/.pulumi/stacks" / PROJECT / f"{STACK}.json"
    if not file.exists():
        return False
    left = file.read_bytes()
    if kept is not None:
        (kept / f"{hashlib.sha256(left).hexdigest()}.json").write_bytes(left)
    read_as_the_cli(left, f"organization/{PROJECT}/{STACK}")
    return True


def undisturbed(world: World, shape: Shape) -> tuple[int, list[Any]]:
    """Return how many changes to files a run makes, and what state says after it.

    A run of several threads makes fewer, as they flush together, and so must this one: a death at
    a change that is never made is none.
    """
    fate = Fate(at=0)
    run(world, shape, DyingDisk(fate))
    return fate.seen, portrait(world)


def portrait(world: World) -> list[Any]:
    """Return what state says, without what differs from run to run (names, ids, times)."""
    resources = world.backend().load(PROJECT, STACK, SEALER).resources
    varying = {"name", "url"}
    return sorted(
        (
            resource.urn,
            {
                key: value
                for key, value in plain(dict(resource.inputs)).items()
                if key not in varying
            },
            {
                key: value
                for key, value in plain(dict(resource.outputs)).items()
                if key not in varying
            },
            resource.dependencies,
        )
        for resource in resources
    )


def disagreements(world: World) -> Iterator[str]:
    """Yield where state and cloud differ, and what is still undecided."""
    loaded = world.backend().load(PROJECT, STACK, SEALER)
    ids = sorted(
        resource.id
        for resource in loaded.resources
        if resource.custom and not resource.type.startswith(PROVIDER_PREFIX)
    )
    if ids != world.cloud.ids():
        yield f"state has {ids}, the cloud {world.cloud.ids()}"
    if loaded.pending:
        yield f"still pending: {[operation.kind for operation in loaded.pending]}"


def judged(world: World, shape: Shape, wanted: list[Any]) -> Iterator[str]:
    """Yield what is wrong after a death: the next run must converge, the one after find nothing."""
    journal = world.folder / "state/.pulumi/stacks" / PROJECT / f"{STACK}.json.journal"
    if journal.exists() and CANARY.encode() in journal.read_bytes():
        yield "the secret is in the journal in clear"
    world.backend().load(PROJECT, STACK, SEALER)
    repaired = run(world, replace(shape, parallel=1))
    if repaired.failed:
        yield f"the next run failed: {repaired.messages}"
        return
    again = run(world, replace(shape, parallel=1))
    if again.failed or set(again.ops) - {str(Op.SAME)}:
        yield f"the run after that still did {dict(again.ops)}: {again.messages}"
    yield from disagreements(world)
    if portrait(world) != wanted:
        yield f"state is {portrait(world)}, an undisturbed run's {wanted}"


Kill = Sequence[Fate]


def single(changes: int) -> Iterator[Kill]:
    """Yield every death of one run."""
    for at in range(1, changes + 1):
        for phase in PHASES:
            yield [Fate(at, phase)]
            if phase in {"after", "flushed"}:
                yield [Fate(at, phase, done=True)]


def double(changes: int) -> Iterator[Kill]:
    """Yield two deaths in a row, of a run and of the one that repairs it."""
    choice = random.Random(4)  # noqa: S311 - the same points each time
    for _ in range(4 * changes):
        yield [
            Fate(choice.randint(1, changes), choice.choice(PHASES), done=choice.random() < 0.5)
            for _ in range(2)
        ]


def recovering(changes: int) -> Iterator[Kill]:
    """Yield a death in the middle, then every death while that is being recovered."""
    for middle in (changes // 3, changes // 2, 2 * changes // 3):
        for at in range(1, 6):
            for phase in PHASES:
                for first in ("half", "after"):
                    yield [Fate(middle, first, done=True), Fate(at, phase)]


def dropping(changes: int) -> Iterator[Kill]:
    """Yield every death of one run with which the disk loses what it has not flushed."""
    for [fate] in single(changes):
        yield [replace(fate, drops=True)]


PLANS = {"single": single, "double": double, "recovering": recovering, "dropping": dropping}


def main(folder: Path, shape: str, plan: str, stride: int, kept: Path | None = None) -> None:
    """Print how many points were tried and what went wrong, as JSON.

    What each death left for the Pulumi CLI is copied to the folder ``kept``.
    """
    wanted = SHAPES[shape]
    base = World(folder / "base")
    base.folder.mkdir(parents=True)
    deploy(base, wanted.before)
    wanted.meanwhile(base)
    changes, expected = undisturbed(base.copy(folder / "count"), wanted)
    failures, points, readings = [], 0, 0
    for number, kill in enumerate(PLANS[plan](changes)):
        if number % stride:
            continue
        world = base.copy(folder / "point")
        try:
            died = [is_killed(world, wanted, fate) for fate in kill]
            points += died[0]
            readings += is_taken(world, kept)
            wrong = list(judged(world, wanted, expected))
        except Exception:  # noqa: BLE001 - a point that crashes is a finding
            wrong = [traceback.format_exc()]
        failures += [f"{[(f.at, f.phase, f.done) for f in kill]}: {each}" for each in wrong]
    report = {"changes": changes, "points": points, "readings": readings, "failures": failures}
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), *map(Path, sys.argv[5:]))
