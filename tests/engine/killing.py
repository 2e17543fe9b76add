"""Runs deployments that are killed at every change they make to a file, and judges the next ones.

A program of its own, started by ``test_kill_points``: it forks a child for each run that is to
die, so that a point costs milliseconds. Goals go straight into the engine; the cloud is an SQLite
file that outlives everybody.
"""

import json
import os
import random
import shutil
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.contract.errors import ProviderError
from infra.contract.provider import Checked, Difference, Existing
from infra.engine.backend import Backend
from infra.engine.disk import Disk, Log
from infra.engine.events import Event, Message, Op
from infra.engine.execute import Cancellation, Deployment, Options
from infra.engine.goals import Goal
from infra.engine.removal import destroy
from infra.engine.resources import PROVIDER_PREFIX, STACK_TYPE
from infra.engine.secrets import Sealer
from infra.engine.values import Secret

PROJECT, STACK, CANARY = "killed", "dev", "c4n4ry"
DIED, FAILED = 42, 99
PHASES = ("before", "half", "after", "flushed")
SEALER = Sealer.from_passphrase("kill")


class Cloud:
    """Things by id, in a file that outlives every process."""

    def __init__(self, file: Path) -> None:
        self._file = file
        with self._connection() as database:
            database.execute("create table if not exists things (id text primary key, body text)")

    def ids(self) -> list[str]:
        with self._connection() as database:
            return [row[0] for row in database.execute("select id from things order by id")]

    def find(self, id: str) -> dict[str, Any] | None:
        with self._connection() as database:
            row = database.execute("select body from things where id = ?", (id,)).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, id: str, body: Mapping[str, Any]) -> None:
        with self._connection() as database:
            database.execute("insert or replace into things values (?, ?)", (id, json.dumps(body)))

    def drop(self, id: str) -> None:
        with self._connection() as database:
            database.execute("delete from things where id = ?", (id,))

    def _connection(self) -> "closing[sqlite3.Connection]":
        connection = sqlite3.connect(self._file, isolation_level=None, timeout=30)
        connection.execute("pragma synchronous = off")
        return closing(connection)


class Things:
    """The provider: ``size`` changes in place, ``kind`` replaces, ``first`` deletes before that."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def locate(self, type: str, inputs: Mapping[str, Any]) -> str | None:
        return f"/{type.rpartition(':')[2]}/{inputs['name']}"

    def check(self, type: str, name: str, olds: Any, news: Any, seed: bytes) -> Checked:
        known = news.get("name") or (olds or {}).get("name") or f"{name}{seed.hex()[:8]}"
        return Checked({**news, "name": known})

    def diff(self, type: str, id: str, olds: Any, old_outputs: Any, news: Any) -> Difference:
        changed = [key for key in {*olds, *news} if olds.get(key) != news.get(key)]
        replaces = [key for key in changed if key in {"kind", "name"}]
        first = bool(news.get("first"))
        return Difference(bool(changed), replaces=replaces, delete_before_replace=first)

    def create(self, type: str, inputs: Any, *, timeout_s: float, preview: bool) -> Existing:
        id_ = self.locate(type, inputs)
        if self._cloud.find(id_) is not None:
            raise ProviderError(f"{id_} exists.", remedy="None.")
        self._cloud.put(id_, inputs)
        return self._existing(id_, inputs)

    def read(self, type: str, id: str, inputs: Any) -> Existing | None:
        body = self._cloud.find(id)
        return None if body is None else self._existing(id, body)

    def update(self, type, id, olds, old_outputs, news, *, timeout_s, preview) -> Existing:
        self._cloud.put(id, news)
        return self._existing(id, news)

    def delete(self, type: str, id: str, inputs: Any, *, timeout_s: float) -> None:
        self._cloud.drop(id)

    def _existing(self, id: str, body: Mapping[str, Any]) -> Existing:
        return Existing(id, body, {**body, "url": f"cloud:{id}"})


def do(cloud: Cloud, begun: Mapping[str, Any]) -> None:
    """Do in the cloud what a ``begin`` entry announces: the call arrived, its answer did not."""
    state, kind = begun["state"], begun["kind"]
    if state["type"].startswith(PROVIDER_PREFIX) or not state["custom"]:
        return
    id_ = state.get("id") or f"/{state['type'].rpartition(':')[2]}/{state['inputs']['name']}"
    if kind == "deleting":
        cloud.drop(id_)
    elif kind in {"creating", "updating"}:
        # Sealed inputs stay sealed here; the next update of a secret thing mends that.
        cloud.put(id_, state["inputs"])


@dataclass
class Fate:
    """When to die: at which change of a file, in which phase; had the provider done it?"""

    at: int
    phase: str = "before"
    done: bool = False
    cloud: Cloud | None = None
    seen: int = 0

    def meets(self, data: bytes = b"", half: Callable[[bytes], None] | None = None) -> "Death":
        self.seen += 1
        return Death(self, data, due=self.seen == self.at, half=half)


@dataclass
class Death:
    """One change of a file, and whether it is the last one."""

    fate: Fate
    data: bytes
    due: bool
    half: Callable[[bytes], None] | None = None

    def pass_by(self, phase: str) -> None:
        if not self.due or phase != self.fate.phase:
            return
        if phase == "half" and self.half is not None:
            self.half(self.data[: len(self.data) // 2])
        if self.fate.done and phase in {"after", "flushed"} and self.fate.cloud is not None:
            self._finish()
        os._exit(DIED)

    def _finish(self) -> None:
        for line in self.data.splitlines():
            if b'"k":"begin"' in line:
                do(self.fate.cloud, json.loads(line))


class DyingLog(Log):
    def __init__(self, path: Path, fate: Fate) -> None:
        super().__init__(path, durable=False)
        self._fate, self._death = fate, None

    def write(self, data: bytes) -> None:
        self._death = self._fate.meets(data, super().write)
        self._death.pass_by("before")
        self._death.pass_by("half")
        super().write(data)
        self._death.pass_by("after")
        if b'"k":"begin"' not in data and b'"k":"ok"' not in data:
            self._death.pass_by("flushed")  # nobody waits for these

    def sync(self) -> None:
        if self._death is not None:
            self._death.pass_by("flushed")


class DyingDisk(Disk):
    """A disk that takes the process with it at one of its changes."""

    def __init__(self, fate: Fate) -> None:
        super().__init__(durable=False)
        self._fate = fate

    def log(self, path: Path) -> Log:
        path.parent.mkdir(parents=True, exist_ok=True)
        return DyingLog(path, self._fate)

    def write(self, path: Path, data: bytes) -> None:
        def half(part: bytes) -> None:
            super(DyingDisk, self).write(path, part)

        death = self._fate.meets(data, half)
        death.pass_by("before")
        death.pass_by("half")
        super().write(path, data)
        death.pass_by("after")
        death.pass_by("flushed")

    def rename(self, source: Path, target: Path) -> None:
        self._around(lambda: super(DyingDisk, self).rename(source, target))

    def remove(self, path: Path) -> None:
        self._around(lambda: super(DyingDisk, self).remove(path))

    def _around(self, change: Callable[[], None]) -> None:
        death = self._fate.meets()
        death.pass_by("before")
        change()
        death.pass_by("after")


@dataclass(frozen=True)
class World:
    """One folder: state and cloud."""

    folder: Path

    @property
    def cloud(self) -> Cloud:
        return Cloud(self.folder / "cloud.sqlite")

    def backend(self, disk: Disk | None = None) -> Backend:
        return Backend(self.folder / "state", disk=disk or Disk(durable=False))

    def copy(self, folder: Path) -> "World":
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder)
        return World(folder)


@dataclass
class Outcome:
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


@dataclass(frozen=True)
class Shape:
    """What is there before, and what the run that dies wants. ``None``: nothing, destroy."""

    before: Program | None
    after: Program | None
    parallel: int = 1


SHAPES: Mapping[str, Shape] = {
    "first_up": Shape(None, fan({"a": 1, "b": 1, "c": 1, "d": 1})),
    "second_up": Shape(
        fan({"a": 1, "b": 1, "c": 1, "gone": 1}), fan({"a": 2, "b": 2, "c": 1, "new": 1})
    ),
    "replace_mix": Shape(mix("a", 1), mix("b", 2)),
    "destroy": Shape(DEEP, None),
    "at_once": Shape(fan(dict.fromkeys("abc", 1)), fan(dict.fromkeys("abcdefgh", 2)), parallel=8),
}


def run(
    world: World, program: Program | None, disk: Disk | None = None, *, parallel: int = 1
) -> Outcome:
    """Bring the world to a program, or to nothing, in this process."""
    ops: dict[str, int] = {}
    messages: list[str] = []

    def listener(event: Event) -> None:
        if isinstance(event, Message):
            messages.append(event.text)

    with world.backend(disk).open(PROJECT, STACK, SEALER) as state:
        common = (PROJECT, STACK, state.loaded, state, {"things": Things(world.cloud)}, {})
        options, cancellation = Options(parallel=parallel), Cancellation()
        if program is None:
            summary = destroy(*common, options, listener, cancellation)
        else:
            deployment = Deployment(*common, options, listener, cancellation)
            register(deployment, program, parallel)
            deployment.finish()
            summary = deployment.close(program_failed=False)
        ops = {str(op): count for op, count in summary.changes.items()}
    return Outcome(summary.failed, ops, messages)


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


def doomed(world: World, shape: Shape, fate: Fate) -> bool:
    """Run in a child that dies as ``fate`` says; return whether it did."""
    child = os.fork()
    if child == 0:
        try:
            fate.cloud = world.cloud
            run(world, shape.after, DyingDisk(fate), parallel=shape.parallel)
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the child must never return into the parent's code
            traceback.print_exc()
            os._exit(FAILED)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in {0, DIED}:
        raise AssertionError(f"the child ended with {code}")
    return code == DIED


def changes_of(world: World, program: Program | None) -> int:
    """Return how many changes to files a run makes."""
    fate = Fate(at=0)
    run(world, program, DyingDisk(fate))
    return fate.seen


def judged(world: World, program: Program | None) -> Iterator[str]:
    """Yield what is wrong after a death: the next run must converge, the one after find nothing."""
    journal = world.folder / "state/.pulumi/stacks" / PROJECT / f"{STACK}.json.journal"
    if journal.exists() and CANARY.encode() in journal.read_bytes():
        yield "the secret is in the journal in clear"
    world.backend().load(PROJECT, STACK, SEALER)
    repaired = run(world, program)
    if repaired.failed:
        yield f"the next run failed: {repaired.messages}"
        return
    again = run(world, program)
    if again.failed or set(again.ops) - {str(Op.SAME)}:
        yield f"the run after that still did {dict(again.ops)}: {again.messages}"
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


PLANS = {"single": single, "double": double, "recovering": recovering}


def main(folder: Path, shape: str, plan: str, stride: int) -> None:
    """Print how many points were tried and what went wrong, as JSON."""
    wanted = SHAPES[shape]
    base = World(folder / "base")
    base.folder.mkdir(parents=True)
    run(base, wanted.before)
    changes = changes_of(base.copy(folder / "count"), wanted.after)
    failures, points = [], 0
    for number, kill in enumerate(PLANS[plan](changes)):
        if number % stride:
            continue
        world = base.copy(folder / "point")
        try:
            died = [doomed(world, wanted, fate) for fate in kill]
            points += died[0]
            wrong = list(judged(world, wanted.after))
        except Exception:  # noqa: BLE001 - a point that crashes is a finding
            wrong = [traceback.format_exc()]
        failures += [f"{[(f.at, f.phase, f.done) for f in kill]}: {each}" for each in wrong]
    json.dump({"changes": changes, "points": points, "failures": failures}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
