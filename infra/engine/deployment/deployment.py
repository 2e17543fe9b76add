"""The deployment: answers each request of a program as soon as its resource is done.

The Pulumi SDK's requests arrive here (translated by ``monitor``), from many threads at once. The
program sets the order: a request comes when everything it depends on is known. Only deletes need a
graph. Provider calls happen outside every lock; their result is recorded before it is returned.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from infra.contract.errors import HaltedError, PlatformError, UsageError
from infra.contract.json_types import Document
from infra.contract.provider import UNKNOWN, Invokes, Provider
from infra.engine.deployment.deletion import Deletion
from infra.engine.deployment.hooks import Hooks
from infra.engine.deployment.providers import Providers, has_provider_type, is_default, package_of
from infra.engine.deployment.recovery import Recovery
from infra.engine.deployment.registration import Registration, RegistrationContext
from infra.engine.deployment.run import Run
from infra.engine.deployment.session import Severity
from infra.engine.deployment.steps import StepExecutor, now
from infra.engine.deployment.targeting import Targeting
from infra.engine.model.events import Op, Summary
from infra.engine.model.goals import Answer, Goal, ReadGoal
from infra.engine.model.hooks import HookCall
from infra.engine.model.paths import differences
from infra.engine.model.resources import STACK_TYPE, Resource, is_urn, make_urn, urn_name
from infra.engine.model.values import has_unknown, hidden, plain
from infra.engine.planning.aliases import candidates
from infra.engine.planning.decision import (
    Decision,
    Verdict,
    answered,
    carried,
    inherited,
    mentioned,
    step_for,
    wanted,
)
from infra.engine.planning.ledger import Ledger, StateEntry
from infra.engine.planning.naming import naming_of

_GET_RESOURCE: Final = "pulumi:pulumi:getResource"


class Deployment:
    """One run of a program against one stack.

    Failures are reported to the run's listener when they happen; ``HaltedError`` means "already
    reported, stop quietly".
    """

    def __init__(self, run: Run) -> None:
        self._project, self._stack = run.project, run.stack
        self._session, self._ledger = run.session(), Ledger(run.loaded)
        self._providers = Providers(run, self._session, self._ledger)
        self._steps = StepExecutor(self._session, self._ledger)
        self._deletion = Deletion(self._session, self._ledger, self._providers)
        self._recovery = Recovery(self._session, self._ledger, self._providers)
        self._targeting = Targeting(self._session, self._ledger, run.loaded)
        self._context = RegistrationContext(
            self._session,
            self._ledger,
            self._providers,
            self._steps,
            self._deletion,
            self._targeting.selection,
            naming_of(run.provider_config, run.project, run.stack),
        )
        self._session.hooks.program_runs = True
        self._unfinished: dict[str, HookCall] = {}
        self._stack_outputs: Document | None = None
        self._asked: set[str] = set()
        self._loaded = run.loaded

    @property
    def hooks(self) -> Hooks:
        """What the program hooks into operations on its resources."""
        return self._session.hooks

    @property
    def asked(self) -> frozenset[str]:
        """What the program got from outside its resources: tokens of functions, types it read."""
        return frozenset(self._asked)

    # Requests of the program.

    def register(self, goal: Goal) -> Answer:
        """Bring one resource to its goal; blocks until that is done. Safe from many threads.

        Raises ``HaltedError`` after a failure (which was reported), or when no new steps may
        begin. With ``continue_on_error``, and in previews, the answer is ``failed`` instead and
        what depends on it is skipped.
        """
        return self._guarded(goal, self._registered)

    def read(self, goal: ReadGoal) -> Answer:
        """Read an external resource; in previews too. Raises as ``register``."""
        self._asked.add(goal.type)
        as_goal = Goal(
            goal.type,
            goal.name,
            custom=True,
            inputs=goal.inputs,
            parent=goal.parent,
            dependencies=goal.dependencies,
            provider=goal.provider,
            version=goal.version,
            plugin_download_url=goal.plugin_download_url,
            additional_secret_outputs=goal.additional_secret_outputs,
            internal=goal.internal,
            package=goal.package,
            extension=goal.extension,
            source_position=goal.source_position,
        )

        def read(as_goal: Goal, urn: str, old: StateEntry | None) -> Answer:
            return self._read(as_goal, goal.id, urn, old)

        return self._guarded(as_goal, read, reads=True)

    def invoke(
        self,
        token: str,
        args: Document,
        *,
        provider: str = "",
        version: str = "",
        download_url: str = "",
        internal: Document | None = None,
        package: str = "",
        extension: Mapping[str, str] | None = None,
    ) -> Document:
        """Call a provider's function; in previews too. The program handles its errors.

        ``package`` is whose provider has it, by default that of the token; ``extension`` is what
        that has to learn before.
        """
        self._session.refuse_if_halted()
        if token == _GET_RESOURCE:
            return self._resource_by_urn(str(plain(args.get("urn", ""))))
        self._asked.add(token)
        package = package or package_of(token)
        reference = provider or self._providers.default(
            package, version, download_url, internal or {}
        )
        instance = self._providers.instance(reference, extension=extension)
        if not isinstance(instance, Invokes):
            raise UsageError(
                f"The provider of {package!r} has no functions; {token!r} was called.",
                remedy="Deploy with `--engine pulumi`, which uses the Pulumi CLI and its plugins.",
            )
        with self._session.slot:
            return instance.invoke(token, plain(dict(args)), preview=self._session.preview)

    def provider_of(self, goal: Goal) -> Provider:
        """Return the provider of a component or a method, for which it has no state."""
        self._session.refuse_if_halted()
        self._asked.add(goal.type)
        reference = self._providers.reference(goal, goal.type)
        return self._providers.instance(reference, extension=goal.extension)

    def register_outputs(self, urn: str, outputs: Document) -> None:
        """Replace a component's outputs. The stack's are kept until ``close`` decides."""
        entry = self._ledger.news.get(urn)
        if self._targeting.leaves_outputs(urn) or (entry is None and urn in self._ledger.failed):
            return
        if entry is None:
            raise UsageError(
                f"Outputs were registered for {urn!r}, which is not a resource of this run.",
                remedy="Call `register_outputs` once, after the component's constructor ran.",
            )
        if entry.resource.type == STACK_TYPE:
            self._stack_outputs = dict(outputs)
        else:
            self._put_outputs(entry, outputs)
            self._hook_after(urn)

    def _hook_after(self, urn: str) -> None:
        """Run what comes after the create or update of a component: now it is complete."""
        call = self._unfinished.pop(urn, None)
        if call is None:
            return
        try:
            self.hooks.after(replace(call, new=self._ledger.news[urn].resource, done=True))
        except PlatformError as error:
            self._session.report(error, urn)
            raise HaltedError(error.detail, remedy=error.remedy, at=error.at) from error

    def log(self, severity: str, text: str, urn: str = "") -> None:
        """Report a line of the program. An error logged by the program fails the run."""
        levels: dict[str, Severity] = {"info": "info", "warning": "warning", "error": "error"}
        if severity in levels:
            if severity == "error":
                self._session.mark_failed()
            self._session.message(levels[severity], text, urn)

    # The end.

    def finish(self) -> None:
        """Delete undeclared resources and old halves, dependents first: the program succeeded."""
        obsolete = [*self._ledger.undeclared(), *self._ledger.leftovers]
        # After a failure nothing is deleted: a resource that was not registered may only have been
        # skipped.
        if self._session.halted() or self._session.failed:
            self._session.mark_failed()
            kept = [entry for entry in obsolete if not is_default(entry.resource)]
            if kept:
                text = f"Skipped {len(kept)} deletion(s) because the update failed."
                self._session.message("info", text)
            return
        for urn in sorted(self._session.options.replace - self._ledger.mentioned()):
            text = f"{urn!r} cannot be replaced: the program has no such resource."
            self._session.message("warning", text)
        try:
            if self._session.options.destroys:
                self._deletion.delete_all(self._recovery, self._loaded)
                return
            self._targeting.limit_pending()
            obsolete += self._recovery.orphans()
            self._deletion.delete(self._targeting.deletable(obsolete))
        except BaseException:
            self._session.fail()  # a bug: it keeps its traceback
            raise

    def close(self, *, program_failed: bool) -> Summary:
        """Record the stack's outputs and report the result.

        On success the new outputs replace the old ones; after a failure they are merged into them,
        so that an output the program did not get to export is not lost.
        """
        if program_failed:
            self._session.mark_failed()
        outputs: Document = {}
        entries = [*self._ledger.news.values(), *self._ledger.olds.values()]
        entry = next((e for e in entries if e.resource.type == STACK_TYPE), None)
        if entry is not None:
            before = entry.resource.outputs
            arrived = before if self._stack_outputs is None else self._stack_outputs
            outputs = {**before, **arrived} if self._session.failed else arrived
            if self._session.options.targets and not self._session.preview:
                # Of what was not created nothing is known: what was known before stays.
                known = {key: before.get(key) for key in outputs if has_unknown(outputs[key])}
                outputs = {k: v for k, v in {**outputs, **known}.items() if v is not None}
            if entry.resource.urn in self._ledger.news:
                self._put_outputs(entry, outputs)
        return self._session.summary(hidden(dict(outputs)))

    # How each kind of request is answered.

    def _guarded(
        self,
        goal: Goal,
        work: Callable[[Goal, str, StateEntry | None], Answer],
        *,
        reads: bool = False,
    ) -> Answer:
        """Reserve the URN and do the work; turn a failure into an answer or a halt."""
        self._session.refuse_if_halted()
        urn = make_urn(self._stack, self._project, goal.parent, goal.type, goal.name)
        # Only a reserved URN may be marked as failed: otherwise another registration has it.
        reserved = False
        try:
            goal, old = self._reserved(goal, urn)
            reserved = True
            answer = self._targeting.left_alone(goal, urn, old, reads=reads)
            if answer is not None:
                return answer
            if self._is_skipped(goal, urn):
                return Answer(urn, failed=True)
            # Before the entry itself, so that no record ever refers to a URN that is in no entry.
            if old is not None and old.resource.urn != urn:
                self._session.recorder.rename(old.resource.urn, urn)
            return work(goal, urn, old)
        except HaltedError:
            if not self._session.tolerant or self._session.halted():
                raise
        except PlatformError as error:
            self._session.report(error, urn)
            if not self._session.tolerant:
                raise HaltedError(error.detail, remedy=error.remedy, at=error.at) from error
        except BaseException:
            self._session.fail()  # a bug: it keeps its traceback
            raise
        if reserved:
            self._ledger.fail(urn)
        return Answer(urn, failed=True)

    def _reserved(self, goal: Goal, urn: str) -> tuple[Goal, StateEntry | None]:
        # A malformed URN would end up in state, as a reference to nothing.
        for option, urns in mentioned(goal).items():
            for each in urns:
                _refuse_malformed(each, option, urn)
        if goal.parent and goal.parent not in self._ledger.goals:
            raise UsageError(
                f"The parent of {goal.name!r}, {goal.parent!r}, is not registered.",
                remedy="Create the parent before its children.",
                at=urn,
            )
        goal = inherited(goal, self._ledger.goals.get(goal.parent))
        parent_was = self._ledger.was.get(goal.parent, "")
        names = self._ledger.names
        former = candidates(goal, self._stack, self._project, parent_was, names)
        return goal, self._ledger.reserve(urn, goal, former)

    def _is_skipped(self, goal: Goal, urn: str) -> bool:
        """Say whether it is skipped because something it depends on failed."""
        # An alias is a former name, nothing the resource depends on.
        urns = [
            each for name, some in mentioned(goal).items() if name != "aliases" for each in some
        ]
        cause = self._ledger.failed_among([*urns, goal.provider.rpartition("::")[0]])
        # In an update an unknown value is the output of something that failed.
        incomplete = not self._session.preview and has_unknown(dict(goal.inputs))
        if not cause and not incomplete:
            return False
        if not cause and not self._session.failed:
            raise UsageError(
                f"An input of {goal.name!r} is not known, though nothing failed.",
                remedy="Take inputs from outputs of resources; `aml preview` shows what is known.",
                at=urn,
            )
        failed = f"{urn_name(cause)!r}, which failed" if cause else "a resource that failed"
        text = f"{goal.name!r} is skipped: it depends on {failed}."
        self._session.message("warning", text, urn)
        self._ledger.fail(urn)
        return True

    def _registered(self, goal: Goal, urn: str, old: StateEntry | None) -> Answer:
        if old is not None and old.resource.custom != goal.custom:
            raise UsageError(
                f"{goal.name!r} was a {_kind(old.resource)} and is a {_kind(goal)} now.",
                remedy="Give it another name: the old one is then deleted.",
                at=urn,
            )
        if not goal.custom:
            self._component(goal, urn, old)
            return Answer(urn)
        if has_provider_type(goal.type):
            return _answer(self._providers.register(goal, urn, old))
        # First what an interrupted run left: it may change which entry this one continues.
        resumed = self._recovery.resume(urn, old)
        return _answer(Registration(self._context, goal, urn, resumed, os.urandom(32)).run())

    def _component(self, goal: Goal, urn: str, old: StateEntry | None) -> None:
        new = wanted(goal, urn, "", goal.inputs)
        if old is None:
            with self._session.step(step_for(Op.CREATE, new)):
                self._hook_before(HookCall("create", new, None))
                self._steps.record(None, replace(new, created=now(), modified=now()))
            return
        # A component has no provider to compare with.
        diffs = differences(old.resource.inputs, new.inputs)
        if old.resource.taint:
            # Its children stay, as with the CLI: only a resource that refers to it follows.
            self._ledger.replacing(urn)
            decision = Decision(Verdict.REPLACE, diffs, reason="it is tainted")
            kept = replace(carried(new, old.resource), modified=now())
            with self._session.step(step_for(Op.REPLACE, kept, old.resource, decision)):
                self._steps.record(old, kept)
            return
        if not diffs:
            self._steps.same(old, new)
            return
        kept = replace(carried(new, old.resource), modified=now())
        decision = Decision(Verdict.UPDATE, diffs)
        with self._session.step(step_for(Op.UPDATE, kept, old.resource, decision)):
            self._hook_before(HookCall("update", kept, old.resource))
            self._steps.record(old, kept)

    def _hook_before(self, call: HookCall) -> None:
        if call.resource.hooks:
            self.hooks.before(call)
            self._unfinished[call.resource.urn] = call

    def _read(self, goal: Goal, id_: str, urn: str, old: StateEntry | None) -> Answer:
        reference = self._providers.reference(goal, goal.type)
        blank = replace(
            wanted(goal, urn, reference, goal.inputs),
            external=True,
            id=id_,
            # As the CLI records it: what is only read has dependencies, but none by property.
            property_dependencies={},
        )
        # In a preview the id may be the output of a resource that does not exist yet.
        if id_ in {UNKNOWN, ""}:
            return Answer(urn, unknown=True)
        step = step_for(Op.READ, blank, old.resource if old else None)
        with self._session.provider_step(step):
            existing = self._steps.read(self._providers.instance(reference, blank), blank, id_)
            # As the CLI records it: the inputs are what the program gave to find it by.
            found = answered(blank, existing)
            entry = self._keep_read(old, found)
            step.records.became(entry.resource)
        return _answer(entry)

    def _keep_read(self, old: StateEntry | None, found: Resource) -> StateEntry:
        if old is None:
            return self._steps.record(None, replace(found, created=now(), modified=now()))
        before = old.resource
        found = replace(found, created=before.created, modified=before.modified)
        # The program reads what it used to create: if that is another resource, ours is deleted.
        ours = not before.external and not before.pending_replacement
        if ours and before.id != found.id:
            self._ledger.replacing(found.urn)
            return self._steps.adopt(found, "reading", deletes=old)
        return self._steps.record(old, found)

    def _resource_by_urn(self, urn: str) -> Document:
        entry = self._ledger.news.get(urn)
        if entry is None:
            raise UsageError(
                f"There is no resource {urn!r} in this run.",
                remedy="Refer only to resources that the program has registered.",
            )
        return {"urn": urn, "id": entry.resource.id, "state": dict(entry.resource.outputs)}

    def _put_outputs(self, entry: StateEntry, outputs: Document) -> None:
        if dict(outputs) == dict(entry.resource.outputs):
            return
        self._session.recorder.outputs(entry.key, outputs)
        kept = replace(entry.resource, outputs=dict(outputs))
        self._ledger.settle(kept.urn, StateEntry(entry.key, kept))


def _answer(entry: StateEntry) -> Answer:
    resource = entry.resource
    return Answer(
        resource.urn, "" if resource.id == UNKNOWN else resource.id, dict(resource.outputs)
    )


def _kind(of: Goal | Resource) -> str:
    return "resource" if of.custom else "component"


def _refuse_malformed(mentioned_urn: str, option: str, urn: str) -> None:
    if is_urn(mentioned_urn):
        return
    raise UsageError(
        f"{mentioned_urn!r} in {option!r} is not a URN.",
        remedy="A URN is `urn:pulumi:<stack>::<project>::<type>::<name>`.",
        at=urn,
    )
