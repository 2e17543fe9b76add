"""The studio as an ASGI application: a table of addresses, and what becomes of an error."""

from collections.abc import Callable
from typing import Final

from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from infra.contract.errors import (
    CloudStoppedError,
    PlatformError,
    UnknownNameError,
    UsageError,
)
from runtime.studio import (
    cloud_pages,
    compute_pages,
    deployment_pages,
    environment_pages,
    live,
    model_pages,
    prune_pages,
    run_forms,
    run_pages,
    schedule_pages,
    static_files,
)
from runtime.studio.guard import Guard
from runtime.studio.site import Site, site_of


class _Anything(Convertor[str]):
    """The rest of an address: names of files may have lines, which starlette's own stops at."""

    regex = r"(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("any", _Anything())
_PAGES: Final[dict[str, Callable[[Request], Response]]] = {
    "/": run_pages.runs,
    "/live": live.table,
    "/compare": run_pages.compare,
    "/runs/{run_id}": run_pages.run,
    "/runs/{run_id}/live": live.run,
    "/runs/{run_id}/parts/live": live.run_parts,
    "/runs/{run_id}/logs/{name:any}": run_pages.log,
    "/runs/{run_id}/files/{name:any}": run_pages.file,
    "/runs/{run_id}/snapshot/{name:any}": run_pages.snapshot_file,
    "/prune": prune_pages.planned,
    "/schedules": schedule_pages.schedules,
    "/schedules/{name}": schedule_pages.schedule,
    "/environments": environment_pages.built,
    "/environments/built/{name}": environment_pages.built_one,
    "/environments/registered": environment_pages.registered,
    "/environments/registered/{name}": environment_pages.registered_one,
    "/environments/locks/{digest}": environment_pages.lock,
    "/models": model_pages.models,
    "/models/{name}/{version}": model_pages.model,
    "/models/{name}/{version}/files/{file:any}": model_pages.file,
    "/computes": compute_pages.computes,
    "/computes/live": compute_pages.computes_live,
    "/computes/new": compute_pages.new,
    "/computes/{name}": compute_pages.compute,
    "/computes/{name}/live": compute_pages.compute_live,
    "/deployments": deployment_pages.deployments,
    "/deployments/live": deployment_pages.deployments_live,
    "/deployments/{number:int}": deployment_pages.operation,
    "/drift": deployment_pages.drift,
    "/changes/{id}": deployment_pages.change,
    "/changes/{id}/live": deployment_pages.change_live,
    "/cloud": cloud_pages.cloud,
    "/cloud/live": cloud_pages.cloud_live,
}
_FORMS: Final[dict[str, Callable[[Request], Response]]] = {
    "/runs/{run_id}/cancel": run_forms.cancel,
    "/runs/{run_id}/tag": run_forms.tag,
    "/runs/{run_id}/download": run_forms.download,
    "/runs/{run_id}/rerun": run_forms.rerun,
    "/runs/{run_id}/delete": run_forms.delete,
    "/prune": prune_pages.delete,
    "/schedules/{name}/enable": schedule_pages.enable,
    "/schedules/{name}/disable": schedule_pages.disable,
    "/schedules/{name}/delete": schedule_pages.delete,
    "/environments/built/{name}/delete": environment_pages.delete,
    "/models/{name}/{version}/download": model_pages.download,
    "/computes/new/{kind}": compute_pages.create,
    "/computes/{name}/power/{action}": compute_pages.power,
    "/computes/{name}/change": compute_pages.change,
    "/computes/{name}/remove": compute_pages.remove,
    "/deploy": deployment_pages.deploy,
    "/drift/{how}": deployment_pages.settle,
    "/changes/{id}/apply": deployment_pages.apply,
    "/changes/{id}/discard": deployment_pages.discard,
    "/cloud/{action}": cloud_pages.act,
}


def application(site: Site) -> ASGIApp:
    """Return the application of a studio."""
    app = Starlette(
        routes=[
            *(Route(path, page, methods=["GET"]) for path, page in _PAGES.items()),
            *(Route(path, form, methods=["POST"]) for path, form in _FORMS.items()),
            Route(static_files.ADDRESS, static_files.serve, methods=["GET"]),
        ],
        exception_handlers={PlatformError: _refused, 404: _missing},
    )
    app.state.site = site
    return Guard(app, site.access)


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, PlatformError):
        raise error
    status = 404 if isinstance(error, UnknownNameError) else 400
    message = f"{error.detail} {error.remedy or ''}".strip()
    return site_of(request).page(
        request,
        "error.html",
        status,
        title=_title(request, error),
        message=message,
        place=error.at,
        stopped=_address(request) if isinstance(error, CloudStoppedError) else "",
    )


def _title(request: Request, error: PlatformError) -> str:
    """Return the title of an error: what a command calls its usage, nobody typed here."""
    if type(error) is not UsageError:
        return error.summary
    return "Not available here" if request.method == "GET" else "Nothing was changed"


def _address(request: Request) -> str:
    """Return the address of a page below the studio's own."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


async def _missing(request: Request, _: Exception) -> Response:
    return run_pages.missing(request, "There is no page at this address.")
