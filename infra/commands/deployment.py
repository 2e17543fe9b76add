"""`aml preview | up | refresh | destroy`: options in, one call, the result shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, TypeVar

import click

from infra.commands import plans, view
from infra.commands.live_view import Progress
from infra.contract.command_line import stack_command
from infra.contract.errors import InterruptedByUserError, UsageError
from infra.contract.json_types import JsonObject
from infra.contract.load import load
from infra.deploy.run.adopted import refuse_adopted
from infra.deploy.run.runner import EngineResult
from infra.deploy.run.stack_operations import OperationRequest, OperationResult, StackOperations
from infra.deploy.stack.change_lines import shown
from infra.deploy.stack.endpoints import Destination
from infra.deploy.stack.passphrase import stack_passphrase
from infra.deploy.stack.stacks import Stack, backend_url, embedded_backend, open_stack

Name = Literal["preview", "up", "refresh", "destroy"]
Command = TypeVar("Command", bound=Callable[..., object])
Option = Callable[[Command], Command]
_TITLES: Final = {
    "preview": "Preview",
    "up": "Up",
    "refresh": "Refresh",
    "destroy": "Destroy",
    "drift --revert": "Drift --revert",
    "import": "Import",
}
_EVERY: Final = (
    click.option(
        "-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack."
    ),
    click.option("--json", "as_json", is_flag=True, help="Print the plan and the result as JSON."),
    click.option(
        "--parallel",
        type=click.IntRange(min=1),
        metavar="N",
        default=16,
        show_default=True,
        help="Maximum number of resource operations at once.",
    ),
    click.option(
        "--engine",
        type=click.Choice(["embedded", "pulumi"]),
        default="embedded",
        show_default=True,
        help="Deployment engine: the embedded one, or the Pulumi CLI.",
    ),
)
_EXPECTING: Final = (
    click.option(
        "--expect-no-changes", is_flag=True, help="Fail with exit code 5 if there are changes."
    ),
)
_CHANGING: Final = (
    click.option("-y", "--yes", is_flag=True, help="Apply without asking for confirmation."),
    click.option("-m", "--message", default="", help="Message recorded in the stack's history."),
    click.option(
        "--continue-on-error",
        is_flag=True,
        help="Continue with resources that do not depend on a failed one.",
    ),
)
_REPLACING: Final = (
    click.option(
        "--replace",
        metavar="NAME",
        multiple=True,
        help="Force replacement of a resource, by name or URN (repeatable).",
    ),
    click.option(
        "--replace-workspace",
        "replace_workspaces",
        metavar="NAME",
        multiple=True,
        help="Allow replacing this workspace; its runs, models and data assets are deleted.",
    ),
    click.option("--refresh", is_flag=True, help="Refresh the state before planning."),
)


def options(*groups: Sequence[Option[Command]]) -> Option[Command]:
    """Add groups of options to a command, in this order."""

    def decorate(function: Command) -> Command:
        for option in reversed([each for group in groups for each in group]):
            function = option(function)
        return function

    return decorate


@click.command()
@options(_EVERY, _EXPECTING, _REPLACING)
def preview(
    *,
    stack: str | None,
    as_json: bool,
    parallel: int,
    engine: str,
    expect_no_changes: bool,
    replace: tuple[str, ...],
    replace_workspaces: tuple[str, ...],
    refresh: bool,
) -> None:
    """Show what `aml up` would change, without changing anything."""
    request = OperationRequest(
        parallel=parallel,
        expect_no_changes=expect_no_changes,
        refresh=refresh,
        replace=frozenset(replace),
        replace_workspaces=frozenset(replace_workspaces),
    )
    _Operation("preview", open_stack(stack), request, engine, as_json=as_json).run()


@click.command()
@options(_EVERY, _EXPECTING, _CHANGING, _REPLACING)
def up(
    *,
    stack: str | None,
    as_json: bool,
    parallel: int,
    engine: str,
    expect_no_changes: bool,
    yes: bool,
    message: str,
    continue_on_error: bool,
    replace: tuple[str, ...],
    replace_workspaces: tuple[str, ...],
    refresh: bool,
) -> None:
    """Deploy a stack: preview the changes, confirm, apply."""
    request = OperationRequest(
        parallel=parallel,
        continue_on_error=continue_on_error,
        expect_no_changes=expect_no_changes,
        refresh=refresh,
        replace=frozenset(replace),
        replace_workspaces=frozenset(replace_workspaces),
        message=message,
    )
    _Operation("up", open_stack(stack), request, engine, as_json=as_json, yes=yes).run()


@click.command()
@options(_EVERY, _EXPECTING, _CHANGING)
def refresh(
    *,
    stack: str | None,
    as_json: bool,
    parallel: int,
    engine: str,
    expect_no_changes: bool,
    yes: bool,
    message: str,
    continue_on_error: bool,
) -> None:
    """Update the state to match what is deployed; the cloud is not changed."""
    request = OperationRequest(
        parallel=parallel,
        continue_on_error=continue_on_error,
        expect_no_changes=expect_no_changes,
        message=message,
    )
    _Operation("refresh", open_stack(stack), request, engine, as_json=as_json, yes=yes).run()


@click.command()
@options(_EVERY, _CHANGING)
def destroy(
    *,
    stack: str | None,
    as_json: bool,
    parallel: int,
    engine: str,
    yes: bool,
    message: str,
    continue_on_error: bool,
) -> None:
    """Delete everything a stack deployed. Fails if any resource is protected."""
    request = OperationRequest(
        parallel=parallel, continue_on_error=continue_on_error, message=message
    )
    _Operation("destroy", open_stack(stack), request, engine, as_json=as_json, yes=yes).run()


@dataclass(frozen=True, slots=True)
class _Operation:
    """The operation of one command on a stack, through either engine."""

    name: Name
    stack: Stack
    request: OperationRequest
    engine: str
    as_json: bool
    yes: bool = False

    def run(self) -> None:
        """Run it and show the result; declining ends the command as Ctrl-C does."""
        if self.engine == "pulumi":
            self._hand_over()
            return
        quiet = self.yes and self.as_json
        with Progress(quiet=self.as_json) as progress:
            confirm = Confirmation(self.name, self.stack, progress, yes=self.yes, quiet=quiet)
            done = self._done(StackOperations(self.stack, progress, confirm))
        _show(self.name, self.stack, done, as_json=self.as_json)
        if done.refusal is not None:
            raise done.refusal
        if not done.approved:
            raise click.exceptions.Exit(InterruptedByUserError.exit_code)

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
        if self.as_json:
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
                view.say(f"{_TITLES[self.name]} of stack {self.stack.name!r} ({to.kind}):")
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


def _show(name: Name, stack: Stack, done: OperationResult, *, as_json: bool) -> None:
    if as_json:
        view.print_json(_document(name, stack, done))
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
        view.say(f"{_TITLES[name]} of stack {stack.name!r}: {plans.plan_line(done.plan.changes)}")
        return
    view.say(
        f"{_TITLES[name]} of stack {stack.name!r}: {plans.done_line(done.result.changes)}"
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
