"""`aml preview | up | refresh | destroy`: options in, one call, the result shown.

What carries out an operation is imported only when there is something to carry out.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import click

from infra.commands.operation_name import Form, Name
from infra.commands.unchanged import shown_again
from infra.contract.errors import UsageError
from infra.contract.load import load
from infra.deploy.run.fingerprint import basis_of
from infra.deploy.run.request import OperationRequest
from infra.engine.planning.targets import Targets

Command = TypeVar("Command", bound=Callable[..., object])
Option = Callable[[Command], Command]
_EVERY: Final = (
    click.option(
        "-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack."
    ),
    click.option(
        "--json",
        "as_json",
        is_flag=True,
        help="Print JSON as the Pulumi CLI does: the plan, or the events of the operation.",
    ),
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


def _refuse_policy_packs(_: click.Context, __: click.Parameter, packs: tuple[str, ...]) -> None:
    if packs:
        raise UsageError(
            "The embedded engine does not run policy packs.",
            remedy="Leave `--policy-pack` out, or run `pulumi up --policy-pack` itself.",
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
    click.option(
        "--policy-pack",
        multiple=True,
        hidden=True,
        expose_value=False,
        callback=_refuse_policy_packs,
    ),
    click.option(
        "--no-fingerprint",
        is_flag=True,
        help="Run the program even if nothing that it depends on has changed.",
    ),
)
_TARGETING: Final = (
    click.option(
        "--target",
        "targets",
        metavar="NAME",
        multiple=True,
        help="Limit the operation to a resource: name, URN, or pattern of URNs with * and **"
        " (repeatable).",
    ),
    click.option("--target-dependents", is_flag=True, help="Include what depends on the targets."),
    click.option(
        "--exclude",
        "excluded",
        metavar="NAME",
        multiple=True,
        help="Leave a resource alone: name, URN, or pattern of URNs (repeatable).",
    ),
    click.option(
        "--exclude-dependents",
        is_flag=True,
        help="Also leave alone what depends on excluded resources.",
    ),
)
_PENDING: Final = (
    click.option(
        "--clear-pending",
        is_flag=True,
        help="Forget interrupted operations whose outcome cannot be found out.",
    ),
    click.option(
        "--import-pending",
        nargs=2,
        metavar="URN ID",
        multiple=True,
        help="Adopt what an interrupted create made, found at this id (repeatable).",
    ),
)


def options(*groups: Sequence[Option[Command]]) -> Option[Command]:
    """Add groups of options to a command, in this order."""

    def decorate(function: Command) -> Command:
        for option in reversed([each for group in groups for each in group]):
            function = option(function)
        return function

    return decorate


@click.command()
@options(_EVERY, _EXPECTING, _REPLACING, _TARGETING)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown"]),
    default="text",
    show_default=True,
    help="Form of the plan; markdown goes to standard output, for a comment on a pull request.",
)
@click.option(
    "--save-plan",
    "plan",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the plan to a file, for `aml up --plan FILE`.",
)
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
    no_fingerprint: bool,
    form: Form,
    plan: Path | None,
    targets: tuple[str, ...],
    target_dependents: bool,
    excluded: tuple[str, ...],
    exclude_dependents: bool,
) -> None:
    """Show what `aml up` would change, without changing anything."""
    request = OperationRequest(
        parallel=parallel,
        expect_no_changes=expect_no_changes,
        refresh=refresh,
        replace=frozenset(replace),
        replace_workspaces=frozenset(replace_workspaces),
        targets=_limited(
            targets,
            excluded,
            target_dependents=target_dependents,
            exclude_dependents=exclude_dependents,
        ),
    )
    if form == "markdown" and (as_json or engine == "pulumi"):
        raise UsageError(
            "`--format markdown` cannot be combined with `--json` or `--engine pulumi`.",
            remedy="Leave one of them out.",
        )
    form = "json" if as_json else form
    run_anyway = no_fingerprint or form == "markdown"
    _perform("preview", stack, request, engine, form=form, run_anyway=run_anyway, plan=plan)


@click.command()
@options(_EVERY, _EXPECTING, _CHANGING, _REPLACING, _TARGETING)
@click.option(
    "--plan",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Apply this saved plan, without asking; refused if the plan is another one by now.",
)
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
    no_fingerprint: bool,
    plan: Path | None,
    targets: tuple[str, ...],
    target_dependents: bool,
    excluded: tuple[str, ...],
    exclude_dependents: bool,
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
        targets=_limited(
            targets,
            excluded,
            target_dependents=target_dependents,
            exclude_dependents=exclude_dependents,
        ),
    )
    _perform(
        "up",
        stack,
        request,
        engine,
        form=_form(as_json=as_json),
        yes=yes,
        run_anyway=no_fingerprint,
        plan=plan,
    )


@click.command()
@options(_EVERY, _EXPECTING, _CHANGING, _PENDING, _TARGETING)
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
    clear_pending: bool,
    import_pending: tuple[tuple[str, str], ...],
    targets: tuple[str, ...],
    target_dependents: bool,
    excluded: tuple[str, ...],
    exclude_dependents: bool,
) -> None:
    """Update the state to match what is deployed; the cloud is not changed."""
    request = OperationRequest(
        parallel=parallel,
        continue_on_error=continue_on_error,
        expect_no_changes=expect_no_changes,
        message=message,
        clear_pending=clear_pending,
        import_pending=dict(import_pending),
        targets=_limited(
            targets,
            excluded,
            target_dependents=target_dependents,
            exclude_dependents=exclude_dependents,
        ),
    )
    _perform("refresh", stack, request, engine, form=_form(as_json=as_json), yes=yes)


@click.command()
@options(_EVERY, _CHANGING, _TARGETING)
@click.option(
    "--run-program",
    is_flag=True,
    help="Run the program too, for its hooks and the configuration of its providers.",
)
def destroy(
    *,
    stack: str | None,
    as_json: bool,
    parallel: int,
    engine: str,
    yes: bool,
    message: str,
    continue_on_error: bool,
    targets: tuple[str, ...],
    target_dependents: bool,
    excluded: tuple[str, ...],
    exclude_dependents: bool,
    run_program: bool,
) -> None:
    """Delete everything a stack deployed. Fails if any resource is protected."""
    request = OperationRequest(
        parallel=parallel,
        continue_on_error=continue_on_error,
        message=message,
        run_program=run_program,
        targets=_limited(
            targets,
            excluded,
            target_dependents=target_dependents,
            exclude_dependents=exclude_dependents,
        ),
    )
    _perform("destroy", stack, request, engine, form=_form(as_json=as_json), yes=yes)


def _limited(
    targets: tuple[str, ...],
    excluded: tuple[str, ...],
    *,
    target_dependents: bool,
    exclude_dependents: bool,
) -> Targets:
    """Return what an operation is limited to; ``UsageError`` for options that contradict."""
    if targets and excluded:
        raise UsageError(
            "`--target` and `--exclude` cannot be combined.", remedy="Leave one of them out."
        )
    for option, given, dependents in (
        ("--target", targets, target_dependents),
        ("--exclude", excluded, exclude_dependents),
    ):
        if dependents and not given:
            raise UsageError(
                f"`{option}-dependents` needs `{option}`.",
                remedy=f"Name a resource with `{option}`.",
            )
    return Targets(targets, excluded, target_dependents or exclude_dependents)


def _form(*, as_json: bool) -> Form:
    return "json" if as_json else "text"


def _perform(
    name: Name,
    stack: str | None,
    request: OperationRequest,
    engine: str,
    *,
    form: Form,
    yes: bool = False,
    run_anyway: bool = True,
    plan: Path | None = None,
) -> None:
    """Run an operation, unless it would end as the last one did."""
    if plan is not None and engine == "pulumi":
        raise UsageError(
            "Saved plans are the embedded engine's.",
            remedy="Leave `--engine pulumi` out; the Pulumi CLI has plans of its own.",
        )
    # Data is of every resource, which only the program names.
    run_anyway = run_anyway or plan is not None or form == "json"
    known = basis_of(stack) if engine == "embedded" else None
    may_repeat = known is not None and not run_anyway and request.is_plain
    if known is not None and may_repeat and shown_again(name, known):
        return
    perform = load("infra.commands.operation:perform", extra="infra")
    perform(name, stack, request, engine, known, form=form, yes=yes, plan=plan)
