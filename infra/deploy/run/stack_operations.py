"""Preview, up, refresh and destroy of an opened stack: what each does, in which order.

Prints and asks nothing itself: confirmation is a callable, progress is a listener.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from infra.arm.bodies import url_path
from infra.arm.client import Client
from infra.arm.messages import Request
from infra.arm.operations import settle
from infra.catalogue.api_versions import MACHINE_LEARNING
from infra.contract.command_line import stack_command
from infra.contract.errors import PlatformError, UnexpectedChangesError, UsageError
from infra.contract.load import look_up
from infra.contract.manifest import Manifest, read_manifest
from infra.deploy.hosts.hosts import hosts_of
from infra.deploy.preflight.credential_references import require_references
from infra.deploy.preflight.findings import Preflight
from infra.deploy.preflight.obstacle_queries import find_obstacles
from infra.deploy.preflight.queries import changing, refuse_problems, run_preflight
from infra.deploy.preflight.references import used_ids
from infra.deploy.run.affected_jobs import affected_jobs, jobs_through
from infra.deploy.run.consent import Loss, named_urns, refuse_losses, unconsented
from infra.deploy.run.manifests import (
    OUTPUT,
    leave_in_workspace,
    manifest_of,
    remove_from_workspace,
    write_manifest,
)
from infra.deploy.run.read_back import RefreshedState
from infra.deploy.run.request import OperationRequest
from infra.deploy.run.runner import (
    PACKAGE,
    EngineResult,
    Runner,
    failures_only,
    note_end,
    raise_failure,
    warned_once,
)
from infra.deploy.run.signals import interruptible
from infra.deploy.stack.endpoints import Destination, destination
from infra.deploy.stack.soft_delete import soft_delete_of
from infra.deploy.stack.stacks import Stack, referred_outputs, require_complete, require_key
from infra.engine.deployment.recorder import NullRecorder, PlanRecorder
from infra.engine.deployment.refresh import requires_refresh
from infra.engine.deployment.session import Cancellation
from infra.engine.model.events import Listener, Message, Op
from infra.engine.model.resources import PROVIDER_PREFIX, Loaded
from infra.engine.state.archive import OperationInfo, OperationName
from infra.engine.state.open_state import StackState
from infra.spec.stack import StackSpec

Approve = Callable[[EngineResult, Destination], bool]
_MISSING: Final = 404
_PROVIDER: Final = f"{PROVIDER_PREFIX}{PACKAGE}"


_REPEATED: Final = frozenset({Op.SAME, Op.CREATE, Op.UPDATE, Op.REPLACE, Op.DELETE})
"""What a deployment may have done for the next one to find nothing to do."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A deployment that the same inputs would lead to again.

    ``state`` is the SHA-256 of the checkpoint; ``resources`` are those that it has; ``files`` those
    that the program imported.
    """

    state: str
    cloud_id: str
    resources: int
    files: frozenset[Path]


@dataclass(frozen=True, slots=True)
class OperationResult:
    """The plan of an operation, and what was then done (``None``: nothing was).

    ``refusal``: why such a plan is not applied; to be raised when the plan has been shown.
    ``ended`` is set where the next deployment would do nothing unless its inputs change.
    """

    plan: EngineResult
    result: EngineResult | None = None
    approved: bool = True
    manifest: Manifest | None = None
    refusal: PlatformError | None = None
    ended: Ended | None = None


@dataclass(frozen=True, slots=True)
class StackOperations:
    """The operations on one stack. ``listener`` gets every event; ``approve`` confirms a plan."""

    stack: Stack
    listener: Listener
    approve: Approve
    cancellation: Cancellation = field(default_factory=Cancellation)

    def preview(self, request: OperationRequest, loaded: Loaded | None = None) -> OperationResult:
        """Plan, change nothing, take no lock; find what `up` would refuse of the plan.

        ``loaded`` is planned on instead of the state.
        """
        runner = self._runner()
        runner = replace(runner, hosts=hosts_of(self.stack, runner.destination))
        loaded = self._loaded() if loaded is None else loaded
        request = _by_urn(request, loaded)
        with interruptible(self.cancellation, self._say):
            first = self._refresh_first(loaded, request, runner.destination)
            if first is not None:
                loaded = self._read_back(runner, loaded, first)
            plan = self._planned(runner, loaded, request, "preview")
            try:
                self._refuse_unexpected(plan, request)
                return OperationResult(self._checked(runner, loaded, plan, request))
            except PlatformError as error:
                return OperationResult(plan, refusal=error)

    def up(self, request: OperationRequest) -> OperationResult:
        """Plan, confirm, apply, and write the manifest.

        A plan without changes needs no confirmation. It ends there, unless what only state knows
        (protect, outputs, other options) differs where no resource does.
        """
        runner = self._runner()
        runner = replace(runner, hosts=hosts_of(self.stack, runner.destination))
        with interruptible(self.cancellation, self._say):
            first = self._refresh_first(self._loaded(), request, runner.destination)
            if first is not None:
                self._refreshed(runner, first, "up")
            # Locked before planning: a plan is worth nothing once somebody else changes the state.
            with self._open("update", request) as state:
                request = _by_urn(request, state.loaded)
                recorder = PlanRecorder(state.loaded)
                plan = self._planned(runner, state.loaded, request, "up", recorder)
                try:
                    self._refuse_unexpected(plan, request)
                except UnexpectedChangesError as error:
                    return OperationResult(plan, approved=False, refusal=error)
                plan = self._checked(runner, state.loaded, plan, request)
                if plan.changed and not self.approve(plan, runner.destination):
                    return OperationResult(plan, approved=False)
                result = plan
                if plan.changed or recorder.changed:
                    result = runner.run(state.loaded, state, request.options(preview=False))
                note_end(state, result, self.cancellation)
            self._raise_failure(result, "up")
            manifest = self._keep_manifest(result, runner.destination)
            ended = None
            if not request.targets:
                ended = _ended(result, state, runner.destination.cloud_id)
            return OperationResult(plan, result, manifest=manifest, ended=ended)

    def refresh(self, request: OperationRequest) -> OperationResult:
        """Read every resource in the cloud back into state."""
        runner = self._runner()
        with interruptible(self.cancellation, self._say):
            self._refuse_unknown_pending(request)
            return self._refreshed(runner, request, "refresh")

    def destroy(self, request: OperationRequest) -> OperationResult:
        """Delete what is in the stack's state; the program runs only if that is requested."""
        runner = self._runner()
        if request.run_program:
            self._require_references()
        act = runner.run if request.run_program else runner.destroy
        with interruptible(self.cancellation, self._say):
            first = self._refresh_first(self._loaded(), request)
            if first is not None:
                self._refreshed(runner, first, "destroy")
            with self._open("destroy", request) as state:
                self._refuse_protected(state.loaded, request)
                plan = act(
                    state.loaded,
                    NullRecorder(len(state.loaded.resources)),
                    request.options(preview=True),
                )
                self._raise_failure(plan, "destroy", changing=False)
                if not plan.changed:
                    return OperationResult(plan)
                stops, remarks = self._obstacles(runner, state.loaded, plan)
                refuse_problems(Preflight((), ()), self.stack.file, stops, again="destroy")
                plan = replace(plan, warnings=[*self._affected_jobs(runner, plan), *remarks])
                if not self.approve(plan, runner.destination):
                    return OperationResult(plan, approved=False)
                result = act(state.loaded, state, request.options(preview=False))
                note_end(state, result, self.cancellation)
            self._raise_failure(result, "destroy")
            self._forget_deleted(result, runner.destination)
            return OperationResult(plan, result)

    def _refuse_unknown_pending(self, request: OperationRequest) -> None:
        """Refuse to import what was not being created; the nearest URN is named."""
        creating = {
            each.resource.urn: each.resource.type
            for each in self._loaded().pending
            if each.kind == "creating"
        }
        for urn in request.import_pending:
            look_up(urn, creating, noun="interrupted create")

    def _planned(
        self,
        runner: Runner,
        loaded: Loaded,
        request: OperationRequest,
        command: str,
        recorder: PlanRecorder | None = None,
    ) -> EngineResult:
        self._require_references()
        recorder = recorder or PlanRecorder(loaded)
        plan = runner.run(loaded, recorder, request.options(preview=True))
        self._raise_failure(plan, command, changing=False)
        lost = map(str, self._losses(runner, plan, request))
        warnings = [*lost, *self._affected_jobs(runner, plan), *runner.hosts.remarks]
        return replace(plan, warnings=warnings)

    def _require_references(self) -> None:
        stack = self.stack
        require_references(stack.declared, stack.project.root, os.environ, at=str(stack.file))

    def _losses(
        self, runner: Runner, plan: EngineResult, request: OperationRequest
    ) -> Sequence[Loss]:
        """Return what a plan replaces without consent and the cloud still has.

        What an interrupted operation has deleted already is not lost by creating it again.
        """
        losses = unconsented(plan.steps, request.replace_workspaces, request.replace)
        goes_to = runner.destination
        with closing(Client(goes_to.endpoint, goes_to.credential)) as client:
            return [loss for loss in losses if _is_there(client, loss.id)]

    def _checked(
        self, runner: Runner, loaded: Loaded, plan: EngineResult, request: OperationRequest
    ) -> EngineResult:
        """Refuse a plan for all that would fail half way, before the first change."""
        runner.hosts.refuse(self.stack.name)
        stops, remarks = self._obstacles(runner, loaded, plan)
        if not stops:  # nobody should consent to what cannot be done
            refuse_losses(self._losses(runner, plan, request), self.stack.name)
            # Azure returns secrets (account keys) even for a stack that declares none.
            if plan.changed:
                require_key(self.stack)
        found = Preflight((), ())
        if plan.changed and isinstance(self.stack.declared, StackSpec):
            found = run_preflight(
                self.stack.declared,
                runner.destination,
                loaded,
                runner.soft_delete,
                changing=changing(plan.steps),
                used=used_ids(plan.steps),
            )
        refuse_problems(found, self.stack.file, stops)
        return replace(plan, warnings=[*plan.warnings, *remarks, *found.remarks])

    def _obstacles(
        self, runner: Runner, loaded: Loaded, plan: EngineResult
    ) -> tuple[Sequence[str], Sequence[str]]:
        """Return what would stop a plan after its first deletion, and remarks."""
        return find_obstacles(
            plan.steps,
            runner.destination,
            loaded,
            runner.soft_delete,
            own_program=self.stack.own_program,
        )

    def _affected_jobs(self, runner: Runner, plan: EngineResult) -> list[str]:
        goes_to = runner.destination
        with closing(Client(goes_to.endpoint, goes_to.credential)) as client:
            return affected_jobs(plan.steps, jobs_through(client))

    def _refuse_unexpected(self, plan: EngineResult, request: OperationRequest) -> None:
        if request.expect_no_changes and plan.changed:
            raise UnexpectedChangesError(
                f"Stack {self.stack.name!r} has changes, but none were expected.",
                remedy="Leave --expect-no-changes out to apply what the plan above lists.",
            )

    def _refuse_protected(self, loaded: Loaded, request: OperationRequest) -> None:
        """Report in one message everything that a destroy may not delete."""
        resources = loaded.resources
        if request.targets:
            about = request.targets.destroyed(resources)
            resources = [each for each in resources if each.urn in about]
        protected = [each for each in resources if each.protect and not each.delete]
        # A component and its resource share a name, and are one thing to whoever reads this.
        names = dict.fromkeys(each.name for each in protected)
        if names:
            raise UsageError(
                f"Stack {self.stack.name!r} has {len(names)} protected"
                f" resource{'s' * (len(names) != 1)}: {', '.join(names)}.",
                remedy="Unprotect them first:"
                f" {stack_command('unprotect --all', self.stack.name)}.",
            )

    def _refresh_first(
        self, loaded: Loaded, request: OperationRequest, goes_to: Destination | None = None
    ) -> OperationRequest | None:
        """Return what is refreshed before an operation; ``None`` if nothing is.

        ``goes_to``: the operation is planned on what that cloud has.
        """
        another = goes_to is not None and self._is_another_cloud(loaded, goes_to)
        if another:
            self._say(
                "The local cloud was reset since the last deployment, or another clone deployed the"
                " stack to a cloud of its own; refreshing the state first."
            )
        if another or request.refresh:
            return request
        required = any(map(requires_refresh, loaded.resources))
        return replace(request, required_only=True) if required else None

    def _read_back(self, runner: Runner, loaded: Loaded, request: OperationRequest) -> Loaded:
        """Return state as a refresh would leave it; nothing is written."""
        reading = RefreshedState(loaded)
        quiet = replace(runner, listener=failures_only(self.listener))
        outcome = quiet.refresh(loaded, reading, request.options(preview=False))
        self._raise_failure(outcome, "preview", changing=False)
        return reading.loaded

    def _refreshed(
        self, runner: Runner, request: OperationRequest, command: str
    ) -> OperationResult:
        """Refresh the state for a command; `refresh` itself asks before."""
        with self._open("refresh", request) as state:
            count = len(state.loaded.resources)
            options = request.options(preview=True)
            if command == "refresh":
                plan = runner.refresh(state.loaded, NullRecorder(count), options)
                try:
                    self._refuse_unexpected(plan, request)
                except UnexpectedChangesError as error:
                    return OperationResult(plan, approved=False, refusal=error)
                if plan.changed and not self.approve(plan, runner.destination):
                    return OperationResult(plan, approved=False)
            result = runner.refresh(state.loaded, state, request.options(preview=False))
            note_end(state, result, self.cancellation)
        self._raise_failure(result, command)
        return OperationResult(result, result)

    def _runner(self) -> Runner:
        require_complete(self.stack)
        # The plan and what follows it run the same program: each warning is shown once.
        return runner_of(self.stack, warned_once(self.listener), self.cancellation)

    def _open(self, kind: OperationName, request: OperationRequest) -> StackState:
        stack = self.stack
        operation = OperationInfo(kind, request.message)
        state = stack.backend.open(stack.project.name, stack.name, stack.cipher, operation)
        for notice in state.notices:
            self._say(notice)
        return state

    def _loaded(self) -> Loaded:
        stack = self.stack
        return stack.backend.load(stack.project.name, stack.name, stack.cipher)

    def _keep_manifest(self, outcome: EngineResult, to: Destination) -> Manifest | None:
        outputs = outcome.summary.outputs
        manifest = manifest_of(outputs, stack=self.stack.name) if OUTPUT in outputs else None
        self._write_manifest(manifest, to)
        return manifest

    def _write_manifest(self, manifest: Manifest | None, to: Destination) -> None:
        write_manifest(manifest, self.stack.project.manifest_file(self.stack.name))
        failure = leave_in_workspace(manifest, to) if manifest is not None else ""
        if failure:
            self.listener(Message("warning", failure))

    def _forget_deleted(self, outcome: EngineResult, to: Destination) -> None:
        """Leave in the manifest what still exists: submissions must not find other targets."""
        file = self.stack.project.manifest_file(self.stack.name)
        deleted = {step.id.lower() for step in outcome.steps if step.op is Op.DELETE}
        manifest, left = None, None
        with suppress(PlatformError):
            manifest = read_manifest(file, stack=self.stack.name)
            left = manifest.without(deleted)
        if left is not None:
            self._write_manifest(left, to)
            return
        if manifest is not None:
            remove_from_workspace(manifest, to)
        file.unlink(missing_ok=True)

    def _is_another_cloud(self, loaded: Loaded, goes_to: Destination) -> bool:
        # After `aml cloud reset` the state describes resources of a cloud that is gone.
        known = {
            resource.outputs.get("cloudId", resource.inputs.get("cloudId"))
            for resource in loaded.resources
            if resource.type == _PROVIDER
        }
        return bool(known - {None}) and known != {goes_to.cloud_id}

    def _raise_failure(self, outcome: EngineResult, command: str, *, changing: bool = True) -> None:
        raise_failure(
            outcome,
            self.cancellation,
            command=command,
            stack=self.stack.name,
            changing=changing,
        )

    def _say(self, text: str) -> None:
        self.listener(Message("info", text))


def _is_there(client: Client, id: str) -> bool:
    """Return whether a resource exists once no operation is running on it."""
    request = Request("GET", url_path(id), MACHINE_LEARNING)
    first = client.send("GET", request.url, api_version=request.api_version)
    return client.run(settle(request, first), at=id).status != _MISSING


def _by_urn(request: OperationRequest, loaded: Loaded) -> OperationRequest:
    return replace(request, replace=named_urns(request.replace, loaded))


def runner_of(stack: Stack, listener: Listener, cancellation: Cancellation) -> Runner:
    """Return the runner of a stack: of its program, and of refresh and destroy."""
    config = stack.configuration.namespace(PACKAGE)
    return Runner(
        stack.project,
        stack.name,
        stack.configuration,
        destination(stack.cloud, config, home=stack.project.home, file=stack.file),
        listener,
        cancellation,
        partial(referred_outputs, stack.project),
        soft_delete_of(stack),
    )


def _ended(result: EngineResult, state: StackState, cloud_id: str) -> Ended | None:
    changes = {op: n for op, n in result.changes.items() if n}
    noted = any(step.notes for step in result.steps)  # shown by every plan
    if noted or not result.repeatable or set(changes) - _REPEATED or state.unsettled:
        return None
    left = sum(n for op, n in changes.items() if op is not Op.DELETE)
    return Ended(state.hash, cloud_id, left, result.files)
