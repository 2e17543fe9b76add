"""`aml preview | up | refresh | destroy`: options in, one call, the result shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import click

from infra.commands import view
from infra.contract.errors import InterruptedByUserError, UsageError
from infra.contract.load import load
from infra.deploy.run.operations import Done, Operations, Request
from infra.deploy.run.runner import Outcome
from infra.deploy.stack.endpoints import Destination
from infra.deploy.stack.passphrase import stack_passphrase
from infra.deploy.stack.stacks import Stack, backend_url, open_stack

Name = Literal["preview", "up", "refresh", "destroy"]
_DONE = {"preview": "Preview", "up": "Up", "refresh": "Refresh", "destroy": "Destroy"}


def options(*, changes: bool, expects: bool = True, replaces: bool = False) -> Callable[[Any], Any]:
    """Add what the operations have in common; ``changes``: it asks before it changes anything."""
    rows = [
        click.option("-s", "--stack", metavar="STACK", help="The stack; else the selected one."),
        click.option("--json", "as_json", is_flag=True, help="Print plan and result as data."),
        click.option(
            "--parallel",
            type=click.IntRange(min=1),
            metavar="N",
            default=16,
            show_default=True,
            help="Operations at once.",
        ),
        click.option(
            "--engine",
            type=click.Choice(["embedded", "pulumi"]),
            default="embedded",
            show_default=True,
            help="The engine in this command, or the Pulumi CLI.",
        ),
    ]
    if expects:
        rows.append(
            click.option(
                "--expect-no-changes", is_flag=True, help="Exit with 5 where there are changes."
            )
        )
    if changes:
        rows += [
            click.option("-y", "--yes", is_flag=True, help="Change without asking."),
            click.option("-m", "--message", default="", help="A word for the history."),
            click.option(
                "--continue-on-error", is_flag=True, help="Go on with what does not depend on it."
            ),
        ]
    if replaces:
        rows += [
            click.option(
                "--replace", metavar="NAME", multiple=True, help="Replace this; a URN does too."
            ),
            click.option(
                "--replace-workspace",
                metavar="NAME",
                multiple=True,
                help="Agree that this workspace is replaced, and what it holds lost.",
            ),
        ]
        rows.append(
            click.option("--refresh", "refresh_first", is_flag=True, help="Refresh state first.")
        )

    def decorate(function: Any) -> Any:
        for row in reversed(rows):
            function = row(function)
        return function

    return decorate


@click.command()
@options(changes=False, replaces=True)
def preview(**given: Any) -> None:
    """Show what `up` would change, and change nothing."""
    _operate("preview", given)


@click.command()
@options(changes=True, replaces=True)
def up(**given: Any) -> None:
    """Deploy a stack: plan, ask, create and change and delete what differs."""
    _operate("up", given)


@click.command()
@options(changes=True)
def refresh(**given: Any) -> None:
    """Read what is deployed back into state; the cloud is not changed."""
    _operate("refresh", given)


@click.command()
@options(changes=True, expects=False)
def destroy(**given: Any) -> None:
    """Delete everything a stack deployed. Protected resources are refused."""
    _operate("destroy", given)


def _operate(name: Name, given: Mapping[str, Any]) -> None:
    stack = open_stack(given["stack"])
    if given["engine"] == "pulumi":
        _hand_over(name, stack, given)
        return
    request = Request(
        parallel=given["parallel"],
        continue_on_error=given.get("continue_on_error", False),
        expect_no_changes=given.get("expect_no_changes", False),
        refresh=given.get("refresh_first", False),
        replace=frozenset(given.get("replace", ())),
        replace_workspaces=frozenset(given.get("replace_workspace", ())),
        message=given.get("message", ""),
    )
    with view.Progress(quiet=given["as_json"]) as progress:
        yes = given.get("yes", False)
        asking = Asking(name, stack, progress, yes=yes, quiet=yes and given["as_json"])
        operations = Operations(stack, progress, asking)
        done: Done = getattr(operations, name)(request)
    _show(name, stack, done, as_json=given["as_json"])
    if not done.approved:
        raise click.exceptions.Exit(InterruptedByUserError.exit_code)


@dataclass(frozen=True, slots=True)
class Asking:
    """Shows a plan and asks whether to go on; ``yes`` was said already, ``quiet`` shows nothing."""

    name: Name
    stack: Stack
    progress: view.Progress
    yes: bool
    quiet: bool

    def __call__(self, plan: Outcome, to: Destination) -> bool:
        with self.progress.paused():
            if not self.quiet:
                view.say(f"{_DONE[self.name]} of stack {self.stack.name!r} ({to.kind}):")
                view.print_plan(plan.steps)
                view.say(f"Plan: {view.plan_line(plan.changes)}")
                view.warn(plan.warnings)
            if to.kind == "azure":
                view.say(f"Azure subscription {to.subscription}, as {to.identity}")
            if self.yes:
                return True
            if not view.can_ask():
                raise no_terminal(self.name)
            return view.confirmed(f"Perform {self.name!r} on stack {self.stack.name!r}?")


def _show(name: Name, stack: Stack, done: Done, *, as_json: bool) -> None:
    if as_json:
        view.print_json(_document(name, stack, done))
        return
    if not done.approved:
        view.say("Nothing was changed.")
        return
    if name == "preview":
        view.print_plan(done.plan.steps)
        view.warn(done.plan.warnings)
    if name == "destroy" and not done.plan.changed:
        view.say(f"Stack {stack.name!r} has nothing to destroy.")
        return
    if done.result is None or not done.result.changed:
        view.say(f"{_DONE[name]} of stack {stack.name!r}: {view.plan_line(done.plan.changes)}")
        return
    view.say(
        f"{_DONE[name]} of stack {stack.name!r}: {view.done_line(done.result.changes)}"
        f" in {done.result.summary.seconds:.1f} s"
    )


def _document(name: Name, stack: Stack, done: Done) -> dict[str, Any]:
    shown = done.result or done.plan
    return {
        "stack": stack.name,
        "operation": name,
        "cloud": stack.cloud,
        "approved": done.approved,
        "steps": [view.step_document(step) for step in done.plan.steps],
        "warnings": list(done.plan.warnings),
        "changes": {str(op): n for op, n in shown.changes.items()},
        "outputs": view.shown(shown.summary.outputs),
        "seconds": round(shown.summary.seconds, 3),
    }


def _hand_over(name: Name, stack: Stack, given: Mapping[str, Any]) -> None:
    """Let the Pulumi CLI do it, after the same question: it is started with its own `--yes`."""
    if given.get("replace") or given.get("replace_workspace"):
        raise UsageError(
            "`--replace` and `--replace-workspace` are the embedded engine's.",
            remedy="Leave `--engine pulumi` out, or run `pulumi up --replace URN` yourself.",
        )
    load("infra.deploy.run.pulumi_cli:require_cli", extra="infra")(stack.name, cloud=stack.cloud)
    hand_over = partial(
        load("infra.deploy.run.pulumi_cli:hand_over", extra="infra"),
        stack.project,
        stack.name,
        backend_url=backend_url(stack.project),
        passphrase=stack_passphrase(stack.project, stack.name),
        expect_no_changes=given.get("expect_no_changes", False),
        say=view.say,
    )
    if name != "preview" and not given["yes"]:
        _ask_before_handing_over(name, stack, hand_over)
    # The CLI knows no journal: what an interrupted run left becomes a plain checkpoint first.
    for notice in stack.backend.recover(stack.project.name, stack.name, stack.cipher):
        view.say(notice)
    handed = hand_over(name)
    if given["as_json"]:
        view.print_json({"stack": stack.name, "operation": name, "changes": dict(handed.changes)})


def _ask_before_handing_over(name: Name, stack: Stack, hand_over: Callable[[Name], Any]) -> None:
    if not view.can_ask():
        raise no_terminal(name)
    if name == "up":
        hand_over("preview")
    if not view.confirmed(f"Perform {name!r} on stack {stack.name!r} with the Pulumi CLI?"):
        raise click.Abort


def no_terminal(name: Name) -> UsageError:
    """Return the error for a question that nobody can be asked."""
    return UsageError(
        "There are changes, and no terminal to ask on.",
        remedy=f"Run `aml {name} --yes` to make them.",
    )
