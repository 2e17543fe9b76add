"""The pages of models: registered in the workspace, the runs that made them, their files."""

import re
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from infra.contract.errors import CloudStoppedError, PlatformError, UnknownNameError
from runtime.agent.assets.model import Model
from runtime.agent.files import OutsideError
from runtime.api.exceptions import WebserviceException
from runtime.api.workspace import Workspace
from runtime.studio import files
from runtime.studio.addresses import visible
from runtime.studio.site import Site, site_of
from runtime.studio.workspace import opened_workspace

_FOLDER: Final = "models"
_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)


def models(request: Request) -> Response:
    """Show the models of the workspace, newest first: ``?all=1`` with all their versions."""
    site = site_of(request)
    is_all = bool(request.query_params.get("all"))
    problem, found, stopped = "", [], False
    try:
        with opened_workspace(site) as workspace:
            found = Model.list(workspace, latest=not is_all)
    except PlatformError as error:
        problem = f"{error.detail} {error.remedy or ''}".strip()
        stopped = isinstance(error, CloudStoppedError)
    return site.page(
        request,
        "models.html",
        models=found,
        is_all=is_all,
        problem=problem,
        stopped=stopped,
        known=_known(site, found),
    )


def model(request: Request) -> Response:
    """Show one version of a model, and its files once they are on this machine."""
    site = site_of(request)
    name, version = request.path_params["name"], request.path_params["version"]
    with opened_workspace(site) as workspace:
        found = _model(workspace, name, version)
        versions = Model.list(workspace, name=name)
    return site.page(
        request,
        "model.html",
        model=found,
        versions=versions,
        known=_known(site, [found]),
        files=files.listed(_place(site, name, version)),
        place=_place(site, name, version),
    )


def file(request: Request) -> Response:
    """Send a file of a model that was downloaded to this machine."""
    given = request.path_params
    folder = _place(site_of(request), given["name"], given["version"])
    try:
        found = files.file_of(folder, given["file"])
    except (OutsideError, FileNotFoundError):
        return site_of(request).page(
            request,
            "error.html",
            404,
            title="Not found",
            message=f"Model {given['name']}:{given['version']} has no file {given['file']!r} on"
            " this machine.",
        )
    return FileResponse(found, media_type="application/octet-stream", filename=visible(found.name))


def download(request: Request) -> Response:
    """Copy the files of a model to this machine, below ``models`` of the home folder."""
    site = site_of(request)
    name, version = request.path_params["name"], request.path_params["version"]
    with opened_workspace(site) as workspace:
        found = _model(workspace, name, version)
        found.download(str(_place(site, name, version)), exist_ok=True)
    return RedirectResponse(f"/models/{name}/{version}", 303)


def _model(workspace: Workspace, name: str, version: str) -> Model:
    try:
        return Model(workspace, name, version=version)
    except WebserviceException:
        raise UnknownNameError(
            f"The workspace has no version {version!r} of a model {name!r}.",
            remedy="The models page lists all versions.",
        ) from None


def _place(site: Site, name: str, version: str) -> Path:
    """Return the folder of a downloaded model. A name that leads elsewhere has no files there."""
    folder = site.session.home / _FOLDER
    is_safe = _NAME.fullmatch(name) and _NAME.fullmatch(version)
    return folder / name / version if is_safe else folder / "none"


def _known(site: Site, found: list[Model]) -> frozenset[str]:
    """Return which of the runs that made models are in the history here."""
    history = site.session.history
    return frozenset(each.run_id for each in found if each.run_id and history.has(each.run_id))
