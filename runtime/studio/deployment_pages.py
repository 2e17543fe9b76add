"""The pages of deployments: the stack and its history, planned changes, drift."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from infra.contract.errors import NotDeployedError, PlatformError, UnknownNameError
from infra.contract.stack_console import StackConsole, StackFacts
from runtime.studio.compute_pages import stack_note
from runtime.studio.live import Part, part
from runtime.studio.site import site_of


def deployments(request: Request) -> Response:
    """Show the stack: its history, outputs, planned changes and what is soft-deleted."""
    site = site_of(request)
    console = site.console()
    now = _now(console)
    facts: StackFacts = now["facts"]
    is_asked = facts.resources or not facts.stopped
    deleted, problem = _deleted(console) if is_asked else (None, "")
    return site.page(request, "deployments.html", **now, deleted=deleted, problem=problem)


def deployments_live(request: Request) -> Response:
    """Tell what the page shows of the stack itself, whenever that differs."""
    site = site_of(request)
    return part(request, lambda: Part("deployments_now.html", _now(site.console())))


def _now(console: StackConsole) -> dict[str, Any]:
    facts = console.facts()
    try:
        outputs = console.outputs()
    except NotDeployedError:
        outputs = {}
    return {
        "facts": facts,
        "note": stack_note(facts),
        "history": console.history(),
        "changes": console.changes(),
        "outputs": outputs,
    }


def _deleted(console: StackConsole) -> tuple[tuple[object, ...], str]:
    try:
        return tuple(console.soft_deleted()), ""
    except PlatformError as error:
        return (), f"{error.detail} {error.remedy or ''}".strip()


def operation(request: Request) -> Response:
    """Show what an operation of the history changed."""
    site = site_of(request)
    number = int(request.path_params["number"])
    console = site.console()
    found = next((each for each in console.history() if each.number == number), None)
    if found is None:
        raise UnknownNameError(
            f"There is no operation {number} in the history of the stack.",
            remedy="The deployments page lists those that there are.",
        )
    try:
        steps = console.operation(number)
    except UnknownNameError:
        steps = None  # its state is not kept
    return site.page(request, "operation.html", operation=found, steps=steps)


def drift(request: Request) -> Response:
    """Read every resource, and show what was changed outside the stack."""
    site = site_of(request)
    return site.page(request, "drift.html", drift=site.console().drift())


def deploy(request: Request) -> Response:
    """Plan what the stack file says."""
    return _shown(site_of(request).console().deploy())


def settle(request: Request) -> Response:
    """Plan that the drift is adopted, or reverted."""
    adopt = request.path_params["how"] == "adopt"
    return _shown(site_of(request).console().settle_drift(adopt=adopt))


def change(request: Request) -> Response:
    """Show a planned change: the stack file's difference, the plan, and how far it is."""
    site = site_of(request)
    console = site.console()
    found = console.change(request.path_params["id"])
    return site.page(request, "change.html", change=found, note=stack_note(console.facts()))


def change_live(request: Request) -> Response:
    """Tell how far a change is, until it waits for somebody or has ended."""
    site = site_of(request)

    def made() -> Part:
        found = site.console().change(request.path_params["id"])
        return Part("change_now.html", {"change": found}, not found.state.busy)

    return part(request, made)


def apply(request: Request) -> Response:
    """Apply a planned change."""
    site_of(request).console().apply(request.path_params["id"])
    return _shown(request.path_params["id"])


def discard(request: Request) -> Response:
    """Give up a planned change."""
    site_of(request).console().discard(request.path_params["id"])
    return _shown(request.path_params["id"])


def _shown(id: str) -> Response:
    return RedirectResponse(f"/changes/{id}", 303)
