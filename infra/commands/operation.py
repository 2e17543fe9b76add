"""Carries out `aml preview | up | refresh | destroy` on an opened stack and shows the result."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import click

from infra.commands import plans, view
from infra.commands.live_view import Progress
from infra.commands.operation_name import TITLES, Form, Name
from infra.commands.plan_markdown import plan_markdown
from infra.commands.saved_plans import read_plan, require_same, write_plan
from infra.contract.command_line import stack_command
from infra.contract.errors import InterruptedByUserError, UsageError
from infra.contract.json_types import Document, JsonObject
from infra.contract.load import load
from infra.deploy.preflight.credential_references import credential_sources
from infra.deploy.run.adopted import refuse_adopted
from infra.deploy.run.fingerprint import (
    Basis,
    Credentials,
    Remembered,
    credentials_of,
    remember,
)
from infra.deploy.run.request import OperationRequest
from infra.deploy.run.runner import EngineResult
from infra.deploy.run.stack_operations import Ended, OperationResult, StackOperations
from infra.deploy.stack.change_lines import shown
from infra.deploy.stack.endpoints import Destination
from infra.deploy.stack.passphrase import passphrase_sources, stack_passphrase
from infra.deploy.stack.stacks import Stack, open_stack
from infra.deploy.stack.state_location import backend_url, embedded_backend
from infra.engine.model.events import Op


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
    opened = open_stack(stack)
    Operation(name, opened, request, engine, known, form, yes=yes, plan=plan).run()


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
        saved = read_plan(self.plan, name) if self.plan and self.name == "up" else None
        with Progress(quiet=self.form != "text") as progress:
            confirm = Confirmation(self.name, self.stack, progress, yes=self.yes, quiet=quiet)
            approve = confirm if saved is None else partial(self._is_saved, saved)
            done = self._done(StackOperations(self.stack, progress, approve))
        _show(self.name, self.stack, done, self.form)
        if done.refusal is not None:
            raise done.refusal
        if self.plan and self.name == "preview":
            write_plan(self.plan, name, self.stack.cloud, done.plan.steps)
        if not done.approved:
            raise click.exceptions.Exit(InterruptedByUserError.exit_code)
        if self.known is not None and credentials is not None and done.ended is not None:
            self._remember(self.known, credentials, done, done.ended)

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

    def _remember(
        self, known: Basis, credentials: Credentials, done: OperationResult, ended: Ended
    ) -> None:
        """Keep a deployment that the next one would repeat; `--json` only if it listed the same."""
        unchanged = done.plan is done.result
        document = _document(self.name, self.stack, done) if unchanged else None
        line = plans.plan_line({Op.SAME: ended.resources})
        result = Remembered(self.stack.cloud, ended.cloud_id, line, document)
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
            stack.name, cloud=stack.cloud
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
            say=view.say,
        )
        if name != "preview" and not self.yes:
            _confirm_handing_over(name, stack, hand_over)
        # The CLI cannot read our journal: it becomes a plain checkpoint first.
        if embedded_backend(stack.project):
            for notice in stack.backend.recover(stack.project.name, stack.name, stack.cipher):
                view.say(notice)
        handed = hand_over(name)
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
        view.print_json(_document(name, stack, done))
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


def _document(name: Name, stack: Stack, done: OperationResult) -> JsonObject:
    last = done.result or done.plan
    return {
        "stack": stack.name,
        "operation": name,
        "cloud": stack.cloud,
        "approved": done.approved,
        "steps": [plans.step_document(step) for step in done.plan.steps],
        "warnings": list(done.plan.warnings),
        "changes": {str(op): n for op, n in last.changes.items()},
        "outputs": shown(last.summary.outputs),
        "seconds": round(last.summary.seconds, 3),
    }


def _confirm_handing_over(name: Name, stack: Stack, hand_over: Callable[[Name], object]) -> None:
    if not view.can_ask():
        raise view.no_terminal(stack_command(f"{name} --engine pulumi --yes", stack.name))
    if name == "up":
        hand_over("preview")
    if not view.confirmed(f"Perform {name!r} on stack {stack.name!r} with the Pulumi CLI?"):
        raise click.Abort
