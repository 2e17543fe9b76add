"""Carries out `aml preview | up | refresh | destroy` on an opened stack and shows the result."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import click

from infra.commands import plans, view
from infra.commands.engine_json import EventLines, preview_document
from infra.commands.live_view import Progress
from infra.commands.operation_name import TITLES, Form, Name
from infra.commands.plan_markdown import failure_markdown, plan_markdown
from infra.commands.saved_plans import read_plan, require_same, write_plan
from infra.contract.command_line import stack_command
from infra.contract.errors import (
    InterruptedByUserError,
    PlatformError,
    UnexpectedChangesError,
    UsageError,
)
from infra.contract.json_types import Document, JsonObject
from infra.contract.load import load
from infra.contract.project import home_folder, selected_stack
from infra.deploy.preflight.credential_references import credential_sources
from infra.deploy.run.adopted import refuse_adopted
from infra.deploy.run.fingerprint import (
    Basis,
    Credentials,
    Remembered,
    credentials_of,
    remember,
)
from infra.deploy.run.manifests import keep_manifest_in_state
from infra.deploy.run.request import OperationRequest
from infra.deploy.run.runner import EngineResult
from infra.deploy.run.stack_operations import Ended, OperationResult, StackOperations
from infra.deploy.stack.change_lines import shown
from infra.deploy.stack.endpoints import Destination
from infra.deploy.stack.passphrase import passphrase_sources, stack_passphrase
from infra.deploy.stack.stacks import Stack, open_stack
from infra.deploy.stack.state_location import backend_url, embedded_backend
from infra.engine.model.events import Event, Listener, Op


def perform(
    name: Name,
    stack: str | None,
    request: OperationRequest,
    engine: str,
    known: Basis | None,
    *,
    form: Form,
    yes: bool,
    plan: Path | None = None,
) -> None:
    """Run an operation on a stack and show its result.

    ``known`` is what the result depends on, if that is worth remembering. ``plan`` is the file that
    a preview writes its plan to, and that allows an `up` nothing else.
    """
    with _commented(form, stack):
        opened = open_stack(stack)
        if opened.settings.always_refresh and name != "refresh":
            request, known = replace(request, refresh=True), None
        Operation(name, opened, request, engine, known, form, yes=yes, plan=plan).run()


@contextmanager
def _commented(form: Form, stack: str | None) -> Iterator[None]:
    """Print why there is nothing to deploy where a comment is wanted, and go on as without one."""
    try:
        yield
    except UnexpectedChangesError:
        raise  # the plan says so
    except PlatformError as error:
        if form == "markdown":
            view.print_text(failure_markdown(stack or selected_stack(home_folder()), error))
        raise


@dataclass(frozen=True, slots=True)
class Operation:
    """The operation of one command on a stack, through either engine."""

    name: Name
    stack: Stack
    request: OperationRequest
    engine: str
    known: Basis | None
    form: Form
    yes: bool
    plan: Path | None = None

    def run(self) -> None:
        """Run it and show the result; declining ends the command as Ctrl-C does."""
        if self.engine == "pulumi":
            self._hand_over()
            return
        quiet = self.yes and self.form == "json"
        credentials = self._credentials()
        name = self.stack.name
        applies = self.plan is not None and self.name == "up"
        saved = read_plan(self.plan, name, self.stack.cloud) if self.plan and applies else None
        with Progress(quiet=self.form != "text") as progress, self._events() as events:
            confirm = Confirmation(self.name, self.stack, progress, yes=self.yes, quiet=quiet)
            approve = confirm if saved is None else partial(self._is_saved, saved)
            listener = partial(_told, [progress, *events])
            done = self._done(StackOperations(self.stack, listener, approve))
            for lines in events:
                self._show_unheard(lines, done)
        _show(self.name, self.stack, done, self.form)
        if done.refusal is not None:
            raise done.refusal
        if self.plan and self.name == "preview":
            write_plan(self.plan, name, self.stack.cloud, done.plan.steps)
        if not done.approved:
            raise click.exceptions.Exit(InterruptedByUserError.exit_code)
        if self.known is not None and credentials is not None and done.ended is not None:
            self._remember(self.known, credentials, done.ended)

    @contextmanager
    def _events(self) -> Iterator[Sequence[EventLines]]:
        """Return what prints the events of an operation as data, if that is what is wanted."""
        if self.form != "json" or self.name == "preview":
            yield ()
            return
        with EventLines(_config(self.stack), view.print_data) as lines:
            yield (lines,)

    def _show_unheard(self, lines: EventLines, done: OperationResult) -> None:
        """Show a plan as events: nobody listens while one is made."""
        if done.result is None or (self.name == "up" and done.result is done.plan):
            planned = done.result is None
            lines.show(done.plan.steps, done.plan.summary, planned=planned)

    def _is_saved(self, saved: Sequence[Document], plan: EngineResult, _: Destination) -> bool:
        """Approve the plan that was reviewed, without asking; refuse any other."""
        if self.plan is not None:
            require_same(saved, plan.steps, self.plan, self.stack.name)
        return True

    def _credentials(self) -> Credentials | None:
        """Return the credentials before they are used: a change meanwhile is one."""
        sources = credential_sources(self.stack.declared)
        if self.known is None or sources is None:
            return None
        ours = passphrase_sources(self.stack.name, os.environ)
        return credentials_of(self.known, [*ours, *sources])

    def _remember(self, known: Basis, credentials: Credentials, ended: Ended) -> None:
        """Keep a deployment that the next one would repeat."""
        line = plans.plan_line({Op.SAME: ended.resources})
        result = Remembered(self.stack.cloud, ended.cloud_id, line)
        remember(known, result, credentials, state=ended.state, files=ended.files)

    def _done(self, operations: StackOperations) -> OperationResult:
        match self.name:
            case "preview":
                return operations.preview(self.request)
            case "up":
                return operations.up(self.request)
            case "refresh":
                return operations.refresh(self.request)
            case "destroy":
                return operations.destroy(self.request)

    def _hand_over(self) -> None:
        """Confirm, then hand over to the Pulumi CLI, which is started with its own `--yes`."""
        if self.request.replace or self.request.replace_workspaces:
            raise UsageError(
                "`--replace` and `--replace-workspace` need the embedded engine.",
                remedy="Leave `--engine pulumi` out, or run `pulumi up --replace URN` yourself.",
            )
        stack, name = self.stack, self.name
        load("infra.deploy.run.pulumi_cli:require_cli", extra="infra")(
            stack.project, stack.name, cloud=stack.cloud
        )
        if name in {"preview", "up"}:
            refuse_adopted(stack)
        hand_over = partial(
            load("infra.deploy.run.pulumi_cli:hand_over", extra="infra"),
            stack.project,
            stack.name,
            backend_url=backend_url(stack.project),
            passphrase=stack_passphrase(stack.project, stack.name),
            expect_no_changes=self.request.expect_no_changes,
            targets=self.request.targets,
            run_program=self.request.run_program,
            say=view.say,
        )
        if name != "preview" and not self.yes:
            _confirm_handing_over(name, stack, hand_over)
        # The CLI cannot read our journal: it becomes a plain checkpoint first.
        ours = embedded_backend(stack.project)
        if ours:
            for notice in stack.backend.recover(stack.project.name, stack.name, stack.cipher):
                view.say(notice)
        handed = hand_over(name)
        if ours and name != "preview":
            keep_manifest_in_state(stack)
        if self.form == "json":
            changes = dict(handed.changes)
            view.print_json({"stack": stack.name, "operation": name, "changes": changes})


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Shows a plan and asks for confirmation, unless ``yes``; ``quiet`` shows nothing.

    ``name`` is the command's, with the option that makes it change something; ``arguments`` are
    what else it was called with.
    """

    name: Name | Literal["drift --revert", "import"]
    stack: Stack
    progress: Progress
    yes: bool
    quiet: bool
    arguments: str = ""

    def __call__(self, plan: EngineResult, to: Destination) -> bool:
        with self.progress.paused():
            if not self.quiet:
                view.say(f"{TITLES[self.name]} of stack {self.stack.name!r} ({to.kind}):")
                plans.print_plan(plan.steps, own_program=self.stack.own_program)
                view.say(f"Plan: {plans.plan_line(plan.changes)}")
                view.warn(plan.warnings)
            if to.kind == "azure":
                view.say(f"Azure subscription {to.subscription}, as {to.identity}")
            self.progress.expect(plan.steps)
            if self.yes:
                return True
            if not view.can_ask():
                raise view.no_terminal(self._without_asking())
            return view.confirmed(f"Perform {self.name!r} on stack {self.stack.name!r}?")

    def _without_asking(self) -> str:
        typed = " ".join(filter(None, (self.name, self.arguments, "--yes")))
        return stack_command(typed, self.stack.name)


def _show(name: Name, stack: Stack, done: OperationResult, form: Form) -> None:
    if form == "json":
        if name == "preview":
            view.print_json(_document(stack, done.plan))
        return
    if form == "markdown":
        own_program = stack.own_program
        view.print_text(plan_markdown(stack.name, stack.cloud, done.plan, own_program=own_program))
        return
    if not (done.approved or done.refusal):
        view.say("Nothing was changed.")
        return
    if name == "preview" or done.refusal:
        plans.print_plan(done.plan.steps, own_program=stack.own_program)
        view.warn(done.plan.warnings)
    if name == "destroy" and not done.plan.changed:
        view.say(f"Stack {stack.name!r} has nothing to destroy.")
        return
    if done.result is None or not done.result.changed:
        view.say(f"{TITLES[name]} of stack {stack.name!r}: {plans.plan_line(done.plan.changes)}")
        return
    view.say(
        f"{TITLES[name]} of stack {stack.name!r}: {plans.done_line(done.result.changes)}"
        f" in {done.result.summary.seconds:.1f} s"
    )


def _document(stack: Stack, plan: EngineResult) -> JsonObject:
    ours = {
        "stack": stack.name,
        "cloud": stack.cloud,
        "warnings": [*plan.remarks, *plan.warnings],
        "outputs": shown(plan.summary.outputs),
    }
    return preview_document(_config(stack), plan.steps, plan.summary, ours)


def _config(stack: Stack) -> Document:
    """Return the stack's configuration as it may be shown."""
    values, sealed = stack.configuration.values, stack.configuration.secret_keys
    return {key: "[secret]" if key in sealed else values[key] for key in sorted(values)}


def _told(listeners: Sequence[Listener], event: Event) -> None:
    for listener in listeners:
        listener(event)


def _confirm_handing_over(name: Name, stack: Stack, hand_over: Callable[[Name], object]) -> None:
    if not view.can_ask():
        raise view.no_terminal(stack_command(f"{name} --engine pulumi --yes", stack.name))
    if name == "up":
        hand_over("preview")
    if not view.confirmed(f"Perform {name!r} on stack {stack.name!r} with the Pulumi CLI?"):
        raise click.Abort
