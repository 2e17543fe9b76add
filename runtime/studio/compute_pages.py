"""The pages of computes: all of a workspace, one of them, and the forms that make one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from infra.contract.errors import (
    CloudStoppedError,
    NotDeployedError,
    PlatformError,
    UsageError,
)
from infra.contract.load import look_up
from infra.contract.stack_computes import PowerAction
from infra.contract.stack_console import (
    ComputeDetail,
    ComputeForm,
    ComputeRow,
    FormError,
    FormField,
    SizeChoice,
    StackConsole,
    StackFacts,
)
from runtime.history.listing import Listing, page_of
from runtime.model.runs import RunRecord
from runtime.studio.labels import labelled
from runtime.studio.live import Part, part
from runtime.studio.site import Site, site_of

_CHANGEABLE: Final[Mapping[str, Sequence[str]]] = {
    "aml_compute": ("min_nodes", "max_nodes", "idle_seconds"),
    "compute_instance": ("idle_shutdown_minutes",),
}
"""What of a compute changes in place, and so from its page; everything else replaces it."""
_POWER: Final[Mapping[str, PowerAction]] = {
    "start": "start",
    "stop": "stop",
    "restart": "restart",
}
_AS_PAIRS: Final = ("a map of keys", "name=value, one a line")
"""What the stack file wants, and how a form asks for the same."""
_FIRST: Final = {"name": 0, "resource_id": 1}
_UNPROCESSABLE: Final = 422


@dataclass(frozen=True, slots=True)
class Used:
    """A compute with the runs of this project on it; ``idle_since`` is ``None`` while it works."""

    row: ComputeRow
    runs: Sequence[RunRecord]
    idle_since: float | None


@dataclass(frozen=True, slots=True)
class SizeGroup:
    """The sizes of one family, which share a quota."""

    family: str
    left: int | None
    sizes: Sequence[SizeChoice]


def computes(request: Request) -> Response:
    """Show all computes of the workspace."""
    site = site_of(request)
    return site.page(request, "computes.html", **_rows(site))


def computes_live(request: Request) -> Response:
    """Tell how the table of all computes looks, whenever that differs."""
    site = site_of(request)
    return part(request, lambda: Part("compute_rows.html", _rows(site)))


def compute(request: Request) -> Response:
    """Show one compute: its nodes, who uses it, and its settings."""
    return _compute_page(request)


def compute_live(request: Request) -> Response:
    """Tell how a compute is, whenever that differs."""
    site, name = site_of(request), request.path_params["name"]
    return part(request, lambda: Part("compute_now.html", _now(site, name)))


def power(request: Request) -> Response:
    """Start, stop or restart an instance."""
    name = request.path_params["name"]
    action = look_up(request.path_params["action"], _POWER, noun="action")
    site_of(request).console().power(name, action)
    return RedirectResponse(f"/computes/{name}", 303)


def new(request: Request) -> Response:
    """Show the form of one kind of compute, with what is to be chosen from."""
    return _form_page(request, request.query_params.get("kind", "aml_compute"), {}, None)


def create(request: Request) -> Response:
    """Plan the compute that was entered; what is wrong is shown beside its field."""
    kind, values = request.path_params["kind"], request.state.form
    try:
        return _change(site_of(request).console().add_compute(kind, values))
    except FormError as error:
        return _form_page(request, kind, values, error)


def change(request: Request) -> Response:
    """Plan other settings of a compute."""
    try:
        name = request.path_params["name"]
        return _change(site_of(request).console().change_compute(name, request.state.form))
    except FormError as error:
        return _compute_page(request, request.state.form, error)


def remove(request: Request) -> Response:
    """Plan that a compute is deleted, or detached."""
    return _change(site_of(request).console().remove_compute(request.path_params["name"]))


def _change(id: str) -> Response:
    return RedirectResponse(f"/changes/{id}", 303)


def _rows(site: Site) -> dict[str, Any]:
    """Return the computes, and why there are none where the stack was never deployed."""
    site.fresh.keep()
    console, missing = site.console(), ""
    rows: Sequence[Used] = ()
    try:
        rows = [_used(site, row) for row in console.computes()]
    except NotDeployedError as error:
        missing = f"{error.detail} Its computes are here once it is."
    return {"computes": rows, "missing": missing, "facts": console.facts()}


def _now(site: Site, name: str) -> dict[str, Any]:
    """Return what the page of a compute shows of how it is."""
    site.fresh.keep()
    console = site.console()
    detail = console.compute(name)
    return {
        "detail": detail,
        "used": _used(site, detail.row),
        "known": {each.run_id for each in site.session.history.unfinished()},
        "facts": console.facts(),
    }


def _used(site: Site, row: ComputeRow) -> Used:
    history = site.session.history
    runs = [each for each in history.unfinished() if _is_on(site, each, row)]
    if runs or any(state in row.nodes for state in ("running", "preparing")):
        return Used(row, runs, None)
    last = page_of(history, Listing(target=row.name, limit=1)).runs
    ended = [each.ended for each in last if each.ended is not None and _is_on(site, each, row)]
    return Used(row, runs, max([*ended, *filter(None, [row.steady_since])], default=None))


def _is_on(site: Site, record: RunRecord, row: ComputeRow) -> bool:
    return record.target == row.name and record.stack in {None, site.session.stack}


def _compute_page(
    request: Request, values: Mapping[str, str] | None = None, error: FormError | None = None
) -> Response:
    site = site_of(request)
    now = _now(site, request.path_params["name"])
    detail: ComputeDetail = now["detail"]
    in_file = detail.row.declared and not now["facts"].own_program
    fields = _changeable(site, detail.row) if in_file else ()
    entered = {key: str(value) for key, value in detail.settings.items()} | dict(values or {})
    return site.page(
        request,
        "compute.html",
        _UNPROCESSABLE if error else 200,
        **now,
        fields=fields,
        in_file=in_file,
        values=entered,
        **_problems(fields, error),
    )


def _changeable(site: Site, row: ComputeRow) -> Sequence[FormField]:
    wanted = _CHANGEABLE.get(row.kind, ())
    form = next((each for each in site.console().forms() if each.kind == row.kind), None)
    return [each for each in form.fields if each.key in wanted] if form else []


def _form_page(
    request: Request, kind: str, values: Mapping[str, str], error: FormError | None
) -> Response:
    site = site_of(request)
    console = site.console()
    forms = {form.kind: form for form in console.forms()}
    form = look_up(kind, forms, noun="kind of compute")
    facts = console.facts()
    if facts.own_program:
        raise UsageError(
            "This stack's program is the project's own, so only it can declare computes.",
            remedy="Add the compute to the program and deploy it.",
        )
    return site.page(
        request,
        "compute_form.html",
        _UNPROCESSABLE if error else 200,
        forms=list(forms.values()),
        form=form,
        groups=_groups(form),
        sizes=_sizes(site, form),
        found=_attachable(console, form),
        values=values,
        **_problems(form.fields, error),
        facts=facts,
    )


def _problems(fields: Sequence[FormField], error: FormError | None) -> dict[str, Any]:
    """Return what is wrong with what was entered, in the words of the form."""
    found = error or FormError({}, ())
    types = {each.key: each.type for each in fields}
    return {
        "errors": {
            key: labelled(fields, text.replace(*_AS_PAIRS) if types.get(key) == "pairs" else text)
            for key, text in found.fields.items()
        },
        "others": [labelled(fields, text) for text in found.others],
    }


def _groups(form: ComputeForm) -> Mapping[str, Sequence[FormField]]:
    """Return the fields of a form by the setting that they are in; those of none come first.

    What is to be attached is asked for behind the name that it gets.
    """
    found: dict[str, list[FormField]] = {"": []}
    for each in sorted(form.fields, key=lambda field: _FIRST.get(field.key, len(_FIRST))):
        found.setdefault(each.key.rpartition(".")[0], []).append(each)
    return found


def _sizes(site: Site, form: ComputeForm) -> Sequence[SizeGroup]:
    if not any(each.type == "size" for each in form.fields):
        return ()
    try:
        choices = site.console().sizes()
    except PlatformError:
        return ()  # the size is typed; the plan says what is wrong with it
    groups: dict[str, list[SizeChoice]] = {}
    for each in choices:
        groups.setdefault(each.family, []).append(each)
    return [SizeGroup(family, sizes[0].left, sizes) for family, sizes in groups.items()]


def _attachable(console: StackConsole, form: ComputeForm) -> Sequence[str]:
    try:
        return console.attachable(form.kind) if form.attached else ()
    except CloudStoppedError:
        return ()  # the page says so


def stack_note(facts: StackFacts) -> str:
    """Return what git says of the stack file, as a sentence; empty if there is nothing to say."""
    return {
        "modified": f"{facts.file} has changes that are not committed.",
        "untracked": f"{facts.file} is not under git.",
    }.get(facts.uncommitted, "")
