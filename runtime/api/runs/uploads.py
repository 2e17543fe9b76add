"""Adds files to a run from outside its script, next to what the script wrote."""

import shutil
from pathlib import Path
from typing import IO

from runtime.agent.files import Below, OutsideError, make_folder
from runtime.api.exceptions import UserErrorException
from runtime.api.runs.source import Source
from runtime.submit.interactive import run_folder


def upload(source: Source, name: str, content: Path | IO[bytes]) -> None:
    """Store a file of a run under ``name``, a path with ``/`` between its parts.

    A run that a script executes takes files when it has ended.
    """
    folder = destination(source)
    stored = f"runs/{source.run_id}/{name}" if source.is_part else name
    size = _stored(folder, stored, content)
    source.note("artifact", {"path": name, "size": size})


def destination(source: Source) -> Path:
    """Return the folder that files are added to."""
    root = source.session.history.record(source.root)
    if root.state.final:
        return source.files().parents[1] if source.is_part else source.files()
    live = run_folder(source.session.home, source.root).artifacts
    if source.is_interactive or root.target == "local":
        return live
    raise UserErrorException(
        f"Run {source.run_id} is {root.state} on {root.target!r}, where only its script can add"
        " files.",
        remedy="Write them to `outputs/` in the script, or wait for the run to complete.",
    )


def _stored(folder: Path, name: str, content: Path | IO[bytes]) -> int:
    make_folder(folder)
    try:
        below = Below(folder)
        with below.replacing(name) as sink:
            if isinstance(content, Path):
                with content.open("rb") as opened:
                    shutil.copyfileobj(opened, sink)
            else:
                shutil.copyfileobj(content, sink)
        return below.file(name).stat().st_size
    except OutsideError as error:
        raise UserErrorException(
            f"{name!r} is not a name for a file of a run.",
            remedy="Give a relative path such as `outputs/model.pkl`.",
        ) from error
    except FileNotFoundError as error:
        raise UserErrorException(
            f"There is no file {content}.",
            remedy="Check the path; it is relative to the working folder.",
        ) from error
