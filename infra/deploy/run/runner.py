"""One run of a stack's program through the embedded engine, planned or for real.

Wires what the engine needs (provider, recorder, listener) and returns what happened; what is to
be run, and whether it was confirmed, is decided in `stack_operations`.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from infra.arm.invokes import CLIENT_CONFIG
from infra.arm.provider import AzureNative
from infra.arm.soft_delete import SoftDeletePolicy
from infra.contract.command_line import on_stack, stack_command
from infra.contract.errors import DeployError, InterruptedByUserError, apart
from infra.contract.json_types import JsonObject
from infra.contract.project import Project
from infra.contract.provider import Provider
from infra.deploy.hosts.hosts import Hosts
from infra.deploy.run.plan_order import in_order
from infra.deploy.run.plugins import Plugins
from infra.deploy.stack.configuration import Configuration
from infra.deploy.stack.endpoints import Destination
from infra.engine.deployment.builtin import BuiltinProvider, OutputsOf
from infra.engine.deployment.deletion import destroy
from infra.engine.deployment.deployment import Deployment
from infra.engine.deployment.recorder import Recorder
from infra.engine.deployment.refresh import refresh
from infra.engine.deployment.run import Run
from infra.engine.deployment.session import Cancellation, Options
from infra.engine.model.events import (
    Event,
    Failure,
    Finished,
    Listener,
    Message,
    Op,
    Step,
    Summary,
)
from infra.engine.model.resources import Loaded
from infra.engine.model.values import secret
from infra.engine.monitor.monitor import run_program
from infra.engine.state.open_state import StackState

PACKAGE = "azure-native"
_SDK: Final = "pulumi_azure_native"


@dataclass(frozen=True, slots=True)
class EngineResult:
    """What a run of the engine planned or did: its steps and summary.

    ``warnings`` are a plan's, ``failures`` are why it failed.
    ``repeatable``: the program's inputs alone led to it. It read nothing from the cloud, called no
    function and warned of nothing. ``files`` are those of the program's own modules. ``remarks``
    are the warnings and errors that the engine and the program uttered meanwhile.
    """

    steps: Sequence[Step]
    summary: Summary
    warnings: Sequence[str] = ()
    remarks: Sequence[str] = ()
    repeatable: bool = False
    files: frozenset[Path] = frozenset()
    failures: Sequence[Failure] = ()

    @property
    def changes(self) -> Mapping[Op, int]:
        return self.summary.changes

    @property
    def changed(self) -> bool:
        """Whether anything but reading and keeping was done or planned."""
        return any(n for op, n in self.changes.items() if op not in {Op.SAME, Op.READ})


@dataclass(slots=True)
class StepCollector:
    """A listener that collects finished steps and passes every event on.

    Providers do not know the stack; the hints of their errors name it from here on.
    """

    listener: Listener
    stack: str
    steps: list[Step] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: Event) -> None:
        if isinstance(event, Message) and event.severity != "info":
            event = replace(event, text=on_stack(event.text, self.stack))
            with self._lock:
                self.remarks.append(event.text)
                if event.severity == "error":
                    self.failures.append(Failure(apart(event.text)[0], event.urn))
        if isinstance(event, Finished):
            event = replace(event, error=on_stack(event.error, self.stack))
            with self._lock:
                self.steps.append(event.step)
                if event.error:
                    self.failures.append(Failure(apart(event.error)[0], event.step.urn))
        self.listener(event)


@dataclass(frozen=True, slots=True)
class Runner:
    """What all engine runs of one stack share."""

    project: Project
    stack: str
    configuration: Configuration
    destination: Destination
    listener: Listener
    cancellation: Cancellation
    outputs_of: OutputsOf
    soft_delete: SoftDeletePolicy = field(default_factory=SoftDeletePolicy)
    hosts: Hosts = field(default_factory=Hosts)

    @contextmanager
    def _providers(self, listener: Listener) -> Iterator[tuple[dict[str, Provider], Plugins]]:
        """Make the providers of one run, by package; their connections end with it."""
        to = self.destination
        azure = AzureNative(to.endpoint, to.credential, soft_delete=self.soft_delete)
        project = self.project
        plugins = Plugins(project.root, project.main, project.name, listener)
        with closing(azure), closing(plugins):
            yield {PACKAGE: azure, "pulumi": BuiltinProvider(self.outputs_of)}, plugins

    def provider_config(self) -> dict[str, JsonObject]:
        """Return each package's configuration, secret keys marked."""
        sealed = self.configuration.secret_keys
        found: dict[str, JsonObject] = {}
        for name, value in self.configuration.values.items():
            package, _, key = name.partition(":")
            found.setdefault(package, {})[key] = secret(value) if name in sealed else value
        own = {f"{PACKAGE}:{key}": (key, value) for key, value in self.destination.config.items()}
        ours = {key: secret(v) if name in sealed else v for name, (key, v) in own.items()}
        return found | {PACKAGE: ours}

    def run(self, loaded: Loaded, recorder: Recorder, options: Options) -> EngineResult:
        """Run the program once. A failure is reported to the listener, and is in the summary."""
        steps = self._listening(options)
        with self._providers(steps) as providers:
            deployment = Deployment(self._run(loaded, recorder, options, steps, providers))
            result = run_program(
                self.project.main / "__main__.py",
                deployment,
                project=self.project.name,
                stack=self.stack,
                root=self.project.root,
                config={**self.configuration.values, **self.hosts.configuration},
                secret_keys=self.configuration.secret_keys,
                parallel=options.parallel,
                preview=options.preview,
                generated=_SDK if self.project.runs_packaged_program else None,
            )
            if result.error:
                deployment.log("error", result.error, "")
            summary = deployment.close(program_failed=result.failed)
            remarked = steps.remarks or self.hosts.remarks or self.hosts.configuration
            return EngineResult(
                _shown(steps.steps, options),
                summary,
                remarks=steps.remarks,
                repeatable=not (remarked or summary.failed or self._foreign(deployment.asked)),
                files=result.files,
                failures=steps.failures,
            )

    def _foreign(self, asked: frozenset[str]) -> frozenset[str]:
        """Return what a program asked whose answer may differ although its inputs do not.

        Of who deploys, the packaged program takes the tenant alone: the subscription's.
        """
        known = self.project.runs_packaged_program or self.destination.kind == "local"
        return asked - {CLIENT_CONFIG} if known else asked

    def destroy(self, loaded: Loaded, recorder: Recorder, options: Options) -> EngineResult:
        """Delete all that is in state, without the program."""
        return self._over_state(destroy, loaded, recorder, options)

    def refresh(self, loaded: Loaded, recorder: Recorder, options: Options) -> EngineResult:
        """Read all that is in state, without the program."""
        return self._over_state(refresh, loaded, recorder, options)

    def _listening(self, options: Options) -> StepCollector:
        """Collect the steps; while planning, pass on failures and messages alone."""
        listener = failures_only(self.listener) if options.preview else self.listener
        return StepCollector(listener, self.stack)

    def _over_state(
        self, act: Callable[[Run], Summary], loaded: Loaded, recorder: Recorder, options: Options
    ) -> EngineResult:
        steps = self._listening(options)
        with self._providers(steps) as providers:
            summary = act(self._run(loaded, recorder, options, steps, providers))
        return EngineResult(
            _shown(steps.steps, options), summary, remarks=steps.remarks, failures=steps.failures
        )

    def _run(
        self,
        loaded: Loaded,
        recorder: Recorder,
        options: Options,
        listener: Listener,
        providers: tuple[Mapping[str, Provider], Plugins],
    ) -> Run:
        return Run(
            project=self.project.name,
            stack=self.stack,
            loaded=loaded,
            recorder=recorder,
            providers=providers[0],
            plugins=providers[1],
            provider_config=self.provider_config(),
            options=options,
            listener=listener,
            cancellation=self.cancellation,
        )


def _shown(steps: Sequence[Step], options: Options) -> tuple[Step, ...]:
    """Return the steps of a plan in a stable order, those of the real thing as they happened."""
    return in_order(steps) if options.preview else tuple(steps)


def failures_only(listener: Listener) -> Listener:
    """Return a listener that passes on failures and messages alone."""

    def listen(event: Event) -> None:
        if isinstance(event, Message) or (isinstance(event, Finished) and event.error):
            listener(event)

    return listen


def warned_once(listener: Listener) -> Listener:
    """Return a listener that passes on each warning and remark once, and everything else."""
    shown: set[Event] = set()

    def listen(event: Event) -> None:
        if isinstance(event, Message) and (event.once or event.severity == "warning"):
            if event in shown:
                return
            shown.add(event)
        listener(event)

    return listen


def note_end(state: StackState, outcome: EngineResult, cancellation: Cancellation) -> None:
    """Set what the history says of an operation that has ended: its changes, why it failed."""
    failures = list(dict.fromkeys(outcome.failures))
    if cancellation.stopped:
        failures.append(Failure("It was interrupted; completed steps are recorded."))
    state.ended(
        succeeded=not outcome.summary.failed,
        changes={str(op): number for op, number in outcome.changes.items()},
        failures=failures if outcome.summary.failed else (),
    )


def raise_failure(
    outcome: EngineResult,
    cancellation: Cancellation,
    *,
    command: str,
    stack: str,
    changing: bool = True,
) -> None:
    """Raise the error that a failed run ends a command with; its causes were reported before.

    ``changing``: whether the run may have changed anything; a plan has no steps to keep.
    """
    again = f"{stack_command(command, stack)} again"
    if cancellation.stopped:
        raise InterruptedByUserError(
            "The deployment was interrupted; completed steps are recorded."
            if changing
            else "The command was interrupted; nothing was changed.",
            remedy=f"Run {again}; it continues where this one stopped."
            if changing
            else f"Run {again}.",
        )
    if outcome.summary.failed:
        raise DeployError(
            f"`aml {command}` failed; the errors are above.",
            remedy=f"Fix the errors and run {again}"
            + ("; completed steps are kept." if changing else "; nothing was changed."),
        )
