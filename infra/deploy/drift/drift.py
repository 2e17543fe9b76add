"""Reads a stack's drift, and adopts it into the stack file or reverts it.

`comparison` decides what counts as drift, `adopt` what a stack file can say of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from infra.catalogue.types.table import is_type
from infra.contract.command_line import stack_command
from infra.contract.errors import NotDeployedError
from infra.deploy.drift.adopt import AdoptedDrift, adopt
from infra.deploy.drift.comparison import Drift, drift_of, widened
from infra.deploy.run.read_back import RefreshedState
from infra.deploy.run.request import OperationRequest
from infra.deploy.run.runner import EngineResult, Runner, failures_only, note_end, raise_failure
from infra.deploy.run.signals import interruptible
from infra.deploy.run.stack_operations import (
    OperationResult,
    StackOperations,
    runner_of,
)
from infra.deploy.stack.endpoints import Destination
from infra.deploy.stack.stacks import Stack, never_deployed
from infra.engine.deployment.recorder import NullRecorder
from infra.engine.deployment.session import Cancellation, Options
from infra.engine.model.events import Listener, Message, Op
from infra.engine.model.resources import Loaded, Resource
from infra.engine.state.archive import OperationInfo
from infra.spec.editing import StackFile
from infra.spec.inheritance import read_stack_document
from infra.spec.load import inspect_text
from infra.spec.problems import file_error


class _Findings(NullRecorder):
    """A recorder that collects what a refresh finds, and writes nothing."""

    def __init__(self, loaded: int) -> None:
        super().__init__(loaded)
        self.found: dict[int, Resource] = {}
        self.gone: set[int] = set()

    def same(self, key: int | None, resource: Resource) -> int:
        if key is not None:
            self.found[key] = resource
        return super().same(key, resource)

    def forget(self, keys: Sequence[int]) -> None:
        self.gone.update(keys)


@dataclass(frozen=True, slots=True)
class StackDrift:
    """The drift of one stack. ``listener`` gets what cannot be read."""

    stack: Stack
    listener: Listener
    cancellation: Cancellation = field(default_factory=Cancellation)

    def read(self, *, parallel: int = 16) -> Drift:
        """Read every resource in the state; take no lock, write nothing."""
        runner = self._runner()
        loaded = self._loaded()
        stack = self.stack
        if not stack.backend.exists(stack.project.name, stack.name):
            raise never_deployed(stack.name)
        if not loaded.resources:
            raise NotDeployedError(
                f"Stack {self.stack.name!r} has no resources.",
                remedy=f"Run {stack_command('up', self.stack.name)}.",
            )
        with interruptible(self.cancellation, self._say):
            return self._read(runner, loaded, parallel)

    def adopt(self, drift: Drift) -> AdoptedDrift:
        """Write into the stack file what it can say of ``drift``, and refresh state.

        Refused if the file would have problems afterwards.
        """
        file = self.stack.file
        adoption = self.adoption(drift)
        problems = inspect_text(adoption.file.text(), file.parent).problems
        if problems:
            raise file_error(problems, file)
        adoption.file.write()
        self._record(drift, adoption.removed)
        return adoption

    def adoption(self, drift: Drift) -> AdoptedDrift:
        """Return what ``adopt`` would write; nothing is written."""
        file = self.stack.file
        inherited = read_stack_document(file).inherited
        return adopt(drift, self.stack.spec, StackFile.read(file), inherited)

    def revert(
        self, drift: Drift, operations: StackOperations, request: OperationRequest
    ) -> OperationResult:
        """Plan on what was found, confirm, and only then record it and deploy.

        State is the only evidence of drift: a refused or declined plan leaves it as it is.
        """
        planned = self.planned(drift, operations, request)
        to = self._runner().destination
        if planned.refusal is not None:
            return replace(planned, approved=False)
        if planned.plan.changed and not operations.approve(planned.plan, to):
            return replace(planned, approved=False)
        self._record(drift)

        def approve(plan: EngineResult, goes_to: Destination) -> bool:
            """Ask again only if something changed in between."""
            return _changes(plan) == _changes(planned.plan) or operations.approve(plan, goes_to)

        return replace(operations, approve=approve).up(request)

    def planned(
        self, drift: Drift, operations: StackOperations, request: OperationRequest
    ) -> OperationResult:
        """Return what ``revert`` would do; nothing is written."""
        return operations.preview(request, self._read_back(drift))

    def _read_back(self, drift: Drift) -> Loaded:
        """Return state as recording the drift would leave it; nothing is written."""
        loaded = widened(self._loaded(), drift)
        reading = RefreshedState(loaded)
        with interruptible(self.cancellation, self._say):
            outcome = self._runner().refresh(loaded, reading, Options())
        self._raise_failure(outcome, changing=False)
        return reading.loaded

    def _read(self, runner: Runner, loaded: Loaded, parallel: int) -> Drift:
        findings = _Findings(len(loaded.resources))
        outcome = runner.refresh(loaded, findings, Options(parallel=parallel))
        self._raise_failure(outcome, changing=False)
        pairs = [
            (resource, None if key in findings.gone else findings.found.get(key, resource))
            for key, resource in enumerate(loaded.resources)
            if resource.custom and not (resource.delete or resource.external)
        ]
        return drift_of([pair for pair in pairs if is_type(pair[0].type)])

    def _record(self, drift: Drift, removed: frozenset[str] = frozenset()) -> EngineResult:
        """Refresh the state and write it; the undeclared drift becomes part of the inputs.

        ``removed`` is no longer declared: its component leaves the state with it.
        """
        stack, runner = self.stack, self._runner()
        with interruptible(self.cancellation, self._say):
            with stack.backend.open(
                stack.project.name, stack.name, stack.cipher, OperationInfo("refresh", "aml drift")
            ) as state:
                options = Options(forget=_emptied(state.loaded, removed))
                outcome = runner.refresh(widened(state.loaded, drift), state, options)
                note_end(state, outcome, self.cancellation)
            self._raise_failure(outcome, changing=True)
        return outcome

    def _raise_failure(self, outcome: EngineResult, *, changing: bool) -> None:
        stack = self.stack.name
        raise_failure(outcome, self.cancellation, command="drift", stack=stack, changing=changing)

    def _runner(self) -> Runner:
        return runner_of(self.stack, failures_only(self.listener), self.cancellation)

    def _loaded(self) -> Loaded:
        stack = self.stack
        return stack.backend.load(stack.project.name, stack.name, stack.cipher)

    def _say(self, text: str) -> None:
        self.listener(Message("info", text))


def _changes(plan: EngineResult) -> dict[tuple[str, Op], tuple[str, ...]]:
    """Return what a plan does, whatever order its steps came in."""
    return {(step.urn, step.op): tuple(sorted(step.diffs)) for step in plan.steps}


def _emptied(loaded: Loaded, removed: frozenset[str]) -> frozenset[str]:
    """Return the components that have no child but what was removed."""
    parents = {each.parent for each in loaded.resources if each.urn in removed}
    kept = {each.parent for each in loaded.resources if each.urn not in removed}
    return frozenset(parents - kept)
