"""A cloud in memory with a provider that refuses what a real one refuses, and a driver for it.

Types are ``test:index:<Kind>``. ``Thing`` gets an auto-name and can exist beside its replacement;
``Fixed`` is named after the resource and must go before its replacement is made. Changing ``shape``
or ``name`` replaces. What is ``inside`` another is deleted with it. The driver registers goals
straight into a ``Deployment``: there is no SDK.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from infra.contract.errors import HaltedError, PlatformError, ProviderError
from infra.contract.provider import UNKNOWN, Checked, CheckFailure, Difference, Existing
from infra.engine.deployment.deletion import destroy
from infra.engine.deployment.deployment import Deployment
from infra.engine.deployment.refresh import refresh
from infra.engine.deployment.run import Run
from infra.engine.deployment.session import Cancellation, Options
from infra.engine.model.events import Event, Finished, Message, Op, Summary
from infra.engine.model.goals import Answer, Goal, ReadGoal
from infra.engine.model.paths import differences
from infra.engine.model.resources import STACK_TYPE, Loaded, PendingOperation, Resource, make_urn
from infra.engine.state.integrity import in_order

THING = "test:index:Thing"
FIXED = "test:index:Fixed"
STACK_URN = f"urn:pulumi:dev::proj::{STACK_TYPE}::proj-dev"
REPLACES = ("shape", "name")


def urn_of(name: str, type: str = THING, parent: str = "") -> str:
    return make_urn("dev", "proj", parent, type, name)


@dataclass
class Gate:
    """A provider call that waits: ``entered`` says that it began, ``go`` lets it finish."""

    entered: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)


class Cloud:
    """What exists, what was called, and what is to go wrong."""

    def __init__(self) -> None:
        self.things: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.failing: dict[tuple[str, str], BaseException] = {}
        self.gates: dict[tuple[str, str], Gate] = {}
        self.timeouts: list[tuple[str, str, float]] = []
        self.unsure = False
        self.lost_but_done = False
        self.busy = 0
        self.most_busy = 0
        self.lock = threading.Lock()

    def call(self, verb: str, name: str, effect: Callable[[], object] | None = None) -> None:
        """Count the call, let it wait or fail, and have its effect: a lost one may have it too."""
        with self.lock:
            self.calls.append((verb, name))
            self.busy += 1
            self.most_busy = max(self.most_busy, self.busy)
        try:
            gate = self.gates.get((verb, name))
            if gate:
                gate.entered.set()
                assert gate.go.wait(5), f"{verb} {name} was never released"
            failure = self.failing.get((verb, name))
            if effect and (failure is None or self.lost_but_done):
                effect()
            if failure:
                raise failure
        finally:
            with self.lock:
                self.busy -= 1

    def gate(self, verb: str, name: str) -> Gate:
        self.gates[verb, name] = Gate()
        return self.gates[verb, name]

    def verbs(self, *wanted: str) -> list[tuple[str, str]]:
        return [call for call in self.calls if call[0] in (wanted or CHANGING)]


CHANGING = ("create", "update", "delete")


class Plain:
    """The provider of package ``test``, with nothing optional: ids are unknown before a create."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def check(
        self,
        type: str,
        name: str,
        olds: Mapping[str, Any] | None,
        news: Mapping[str, Any],
        seed: bytes,
    ) -> Checked:
        self.cloud.call("check", name)
        bad = [CheckFailure(key, "is bad") for key, value in news.items() if value == "bad"]
        auto = name if type == FIXED else f"{name}-{seed.hex()[:6]}"
        return Checked({"name": (olds or {}).get("name", auto), **news}, bad)

    def diff(
        self,
        type: str,
        id: str,
        olds: Mapping[str, Any],
        old_outputs: Mapping[str, Any],
        news: Mapping[str, Any],
    ) -> Difference:
        self.cloud.call("diff", id.rpartition("/")[2].partition("-")[0])
        if self.cloud.unsure:
            return Difference(None)
        detailed = differences(olds, news)
        replaces = [key for key in REPLACES if key in detailed]
        return Difference(bool(detailed), replaces, detailed, bool(replaces) and type == FIXED)

    def create(
        self, type: str, inputs: Mapping[str, Any], *, timeout_s: float, preview: bool
    ) -> Existing:
        if preview:
            id_ = "" if type == THING else f"/{inputs['name']}"
            return Existing(id_, inputs, {**inputs, "size": UNKNOWN})
        name = inputs["name"]
        self.cloud.timeouts.append(("create", name.partition("-")[0], timeout_s))
        if f"/{name}" in self.cloud.things:
            raise ProviderError(f"{name} exists", remedy="none")
        self.cloud.call("create", name.partition("-")[0], lambda: self._put(f"/{name}", inputs))
        return Existing(f"/{name}", inputs, {**inputs, "size": len(inputs)}, ["keys"])

    def read(self, type: str, id: str, inputs: Mapping[str, Any]) -> Existing | None:
        self.cloud.call("read", id[1:].partition("-")[0])
        thing = self.cloud.things.get(id)
        if thing is None:
            return None
        reasons = thing.get("reasons", [])
        now = {key: value for key, value in thing.items() if key != "reasons"}
        return Existing(id, now, {**now, "size": len(now)}, ["keys"], reasons)

    def update(
        self,
        type: str,
        id: str,
        olds: Mapping[str, Any],
        old_outputs: Mapping[str, Any],
        news: Mapping[str, Any],
        *,
        timeout_s: float,
        preview: bool,
    ) -> Existing:
        if not preview:
            self.cloud.timeouts.append(("update", id[1:].partition("-")[0], timeout_s))
            assert id in self.cloud.things, f"{id} is not there to be updated"
            self.cloud.call("update", id[1:].partition("-")[0], lambda: self._put(id, news))
        return Existing(id, news, {**news, "size": len(news)}, ["keys"])

    def delete(self, type: str, id: str, inputs: Mapping[str, Any], *, timeout_s: float) -> None:
        self.cloud.timeouts.append(("delete", id[1:].partition("-")[0], timeout_s))
        self.cloud.call("delete", id[1:].partition("-")[0], lambda: self._drop(id))

    def _put(self, id: str, inputs: Mapping[str, Any]) -> None:
        self.cloud.things[id] = dict(inputs)

    def _drop(self, id: str) -> None:
        self.cloud.things.pop(id, None)
        for key, thing in list(self.cloud.things.items()):
            if thing.get("inside") == id:
                del self.cloud.things[key]


class CloudProvider(Plain):
    """The same, which predicts ids and has functions."""

    def locate(self, type: str, inputs: Mapping[str, Any]) -> str | None:
        return None if inputs.get("hidden") else f"/{inputs['name']}"

    def invoke(self, token: str, args: Mapping[str, Any], *, preview: bool) -> Mapping[str, Any]:
        self.cloud.call("invoke", token)
        return {"echo": dict(args), "preview": preview}


class Account(CloudProvider):
    """The same with a configuration: another ``account`` moves every resource."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.config: Mapping[str, Any] | None = None
        self.canceled = threading.Event()

    def check_config(self, olds: Mapping[str, Any] | None, news: Mapping[str, Any]) -> Checked:
        bad = [CheckFailure(key, "is bad") for key, value in news.items() if value == "bad"]
        return Checked({k: v for k, v in news.items() if v != "dropped"}, bad)

    def diff_config(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Difference:
        detailed = differences(olds, news)
        if self.cloud.unsure:
            return Difference(None)
        return Difference(bool(detailed), [k for k in detailed if k == "account"], detailed)

    def configure(self, config: Mapping[str, Any]) -> None:
        self.cloud.call("configure", str(config.get("account", "")))
        self.config = config

    def another(self) -> "Account":
        return Account(self.cloud)

    def cancel(self) -> None:
        self.canceled.set()


class Notebook:
    """A recorder that keeps what it receives and can be loaded again, even half-way."""

    def __init__(self, loaded: Loaded, *, sorts: bool = False) -> None:
        self._sorts = sorts
        self._keys = count(len(loaded.resources))
        self.entries = dict(enumerate(loaded.resources))
        self._fresh: list[int] = []
        self.pending = {-1 - i: operation for i, operation in enumerate(loaded.pending)}
        self.writes: list[str] = []
        self._lock = threading.Lock()

    def _put(self, key: int, resource: Resource) -> None:
        self.entries[key] = resource
        self._fresh.append(key)
        self._touch(resource)

    def _drop(self, keys: Sequence[int]) -> None:
        for key in keys:
            self._touch(self.entries.pop(key))

    def _touch(self, resource: Resource) -> None:
        """What happens to an entry makes interrupted operations on the very same thing moot."""
        made = (resource.urn, resource.id)
        moot = [
            key
            for key, old in self.pending.items()
            if key < 0 and old.kind != "creating" and (old.resource.urn, old.resource.id) == made
        ]
        for key in moot:
            del self.pending[key]

    def begin(self, kind: str, resource: Resource, *, absent_checked: bool = False) -> int:
        with self._lock:
            key = next(self._keys)
            self.pending[key] = PendingOperation(resource, kind, absent_checked)
            self.writes.append(f"begin {kind} {resource.name}")
            return key

    def ok(
        self,
        operation: int,
        resource: Resource | None,
        *,
        removes: Sequence[int] = (),
        deletes: Sequence[int] = (),
        pends: Sequence[int] = (),
    ) -> None:
        with self._lock:
            begun = self.pending.pop(operation)
            self.writes.append(f"ok {begun.kind} {begun.resource.name}")
            self._drop(removes)
            for key in deletes:
                self.entries[key] = replace(self.entries[key], delete=True)
            for key in pends:
                self.entries[key] = replace(self.entries[key], pending_replacement=True)
            if resource is not None:
                self._put(operation, resource)

    def fail(self, operation: int) -> None:
        with self._lock:
            begun = self.pending.pop(operation)
            self.writes.append(f"fail {begun.kind} {begun.resource.name}")

    def same(self, key: int | None, resource: Resource) -> int:
        with self._lock:
            if key is None or self.entries[key] != resource:
                self.writes.append(f"same {resource.name}")
            if key is not None:
                self._drop([key])
            new = next(self._keys)
            self._put(new, resource)
            return new

    def outputs(self, key: int, outputs: Mapping[str, Any]) -> None:
        with self._lock:
            self.writes.append(f"outputs {self.entries[key].name}")
            self.entries[key] = replace(self.entries[key], outputs=dict(outputs))

    def forget(self, keys: Sequence[int]) -> None:
        with self._lock:
            self.writes += [f"forget {self.entries[key].name}" for key in keys]
            self._drop(keys)

    def settle(self, pending: Sequence[int]) -> None:
        with self._lock:
            for position in pending:
                self.pending.pop(-1 - position, None)

    def rename(self, old: str, new: str) -> None:
        with self._lock:
            self.writes.append(f"rename {old} {new}")
            self.entries = {key: _renamed(one, old, new) for key, one in self.entries.items()}

    def loaded(self) -> Loaded:
        """Return state as the next run finds it; references must point backwards."""
        with self._lock:
            fresh = [key for key in self._fresh if key in self.entries]
            order = [*fresh, *(key for key in sorted(self.entries) if key not in fresh)]
            resources = [self.entries[key] for key in order]
            if self._sorts:
                resources = _in_order(resources)
            self._check(resources)
            return Loaded(resources, [self.pending[key] for key in sorted(self.pending)])

    @staticmethod
    def _check(resources: Sequence[Resource]) -> None:
        seen: set[str] = set()
        live: list[str] = []
        for one in resources:
            provider = one.provider.rpartition("::")[0]
            wanted = {*one.dependencies, one.parent, one.deleted_with, provider} - {""}
            assert wanted <= seen, f"{one.urn} comes before {wanted - seen}"
            seen.add(one.urn)
            live += [] if one.delete else [one.urn]
        assert len(live) == len(set(live)), f"twice in state: {live}"


def _in_order(resources: Sequence[Resource]) -> list[Resource]:
    """Sort them as the state's snapshot does where a run left some entries where they were."""
    entries = [
        {
            "number": number,
            "urn": each.urn,
            "id": each.id,
            "parent": each.parent,
            "provider": each.provider,
            "dependencies": list(each.dependencies),
        }
        for number, each in enumerate(resources)
    ]
    return [resources[entry["number"]] for entry in in_order(entries)]


def _renamed(one: Resource, old: str, new: str) -> Resource:
    def now(urn: str) -> str:
        return new if urn == old else urn

    provider, _, id_ = one.provider.rpartition("::")
    return replace(
        one,
        urn=now(one.urn),
        parent=now(one.parent),
        dependencies=tuple(map(now, one.dependencies)),
        deleted_with=now(one.deleted_with),
        provider=f"{now(provider)}::{id_}" if one.provider else "",
    )


@dataclass
class Result:
    """What one run came to."""

    summary: Summary
    events: list[Event]
    notebook: Notebook

    @property
    def steps(self) -> list[tuple[Op, str]]:
        """Return operation and name of each step that succeeded, in order, without the stack."""
        done = [e for e in self.events if isinstance(e, Finished) and not e.error]
        return [
            (e.step.op, e.step.urn.split("::", 3)[3]) for e in done if e.step.type != STACK_TYPE
        ]

    @property
    def errors(self) -> str:
        texts = [e.error for e in self.events if isinstance(e, Finished) and e.error]
        texts += [e.text for e in self.events if isinstance(e, Message) and e.severity == "error"]
        return "\n".join(texts)

    @property
    def messages(self) -> str:
        return "\n".join(e.text for e in self.events if isinstance(e, Message))

    def resource(self, name: str, *, delete: bool = False) -> Resource:
        hits = [r for r in self.notebook.loaded().resources if r.name == name]
        (hit,) = [r for r in hits if r.delete is delete]
        return hit

    @property
    def names(self) -> list[str]:
        resources = self.notebook.loaded().resources
        return [r.name for r in resources if not r.name.startswith(("default", "proj-dev"))]


class Program:
    """What a program under test does its registrations with."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.outputs: dict[str, Any] | None = {}

    def thing(self, name: str, type: str = THING, /, **inputs: Any) -> Answer:
        return self.resource(name, type, inputs)

    def resource(
        self,
        name: str,
        type: str = THING,
        inputs: Mapping[str, Any] | None = None,
        *,
        parent: str = STACK_URN,
        custom: bool = True,
        **options: Any,
    ) -> Answer:
        goal = Goal(type, name, custom, dict(inputs or {}), parent=parent, **options)
        return self.deployment.register(goal)

    def on(self, answer: Answer, name: str, type: str = THING, /, **options: Any) -> Answer:
        """Register a resource whose input ``of`` is the id of another."""
        inputs = {"of": answer.id or UNKNOWN, **options.pop("inputs", {})}
        return self.resource(
            name,
            type,
            inputs,
            dependencies=(answer.urn,),
            property_dependencies={key: [answer.urn] if key == "of" else [] for key in inputs},
            **options,
        )

    def component(self, name: str, **options: Any) -> Answer:
        return self.resource(name, "my:index:Group", custom=False, **options)

    def get(self, name: str, id: str, **options: Any) -> Answer:
        return self.deployment.read(ReadGoal(THING, name, id, parent=STACK_URN, **options))


Script = Callable[[Program], object]


class Stage:
    """One stack over one cloud; each operation continues from the state of the last one."""

    def __init__(self, provider: type[Plain] = CloudProvider) -> None:
        self.cloud = Cloud()
        self.loaded = Loaded([], [])
        self.provider = provider
        self.config: dict[str, dict[str, Any]] = {}
        self.cancellation = Cancellation()
        self.providers: list[Any] = []
        self.packages: Sequence[str] = ["test"]

    def _start(self, options: Mapping[str, Any]) -> Run:
        self.events: list[Event] = []
        self.notebook = Notebook(self.loaded, sorts="targets" in options)
        self.cloud.calls.clear()
        self.providers.append(self.provider(self.cloud))
        return Run(
            project="proj",
            stack="dev",
            loaded=self.loaded,
            recorder=self.notebook,
            providers=dict.fromkeys(self.packages, self.providers[-1]),
            provider_config=self.config,
            options=Options(**{"parallel": 4, **options}),
            listener=self.events.append,
            cancellation=self.cancellation,
        )

    def _end(self, summary: Summary) -> Result:
        self.loaded = self.notebook.loaded()
        return Result(summary, self.events, self.notebook)

    def up(self, script: Script, **options: Any) -> Result:
        deployment = Deployment(self._start(options))
        failed = False
        try:
            program = Program(deployment)
            program.resource("proj-dev", STACK_TYPE, parent="", custom=False)
            script(program)
            if program.outputs is not None:
                deployment.register_outputs(STACK_URN, program.outputs)
            deployment.finish()
        except (HaltedError, PlatformError):
            failed = True
        return self._end(deployment.close(program_failed=failed))

    def preview(self, script: Script, **options: Any) -> Result:
        before = self.loaded
        result = self.up(script, preview=True, **options)
        assert not self.notebook.writes, "a preview recorded something"
        assert before == self.loaded
        return result

    def destroy(self, **options: Any) -> Result:
        return self._end(destroy(self._start(options)))

    def refresh(self, **options: Any) -> Result:
        return self._end(refresh(self._start(options)))


def nothing(_: Program) -> None:
    """Register nothing at all."""
