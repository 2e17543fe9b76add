"""Where the data of a dataset comes from, as JSON: the path forms of azureml-core become sources.

A source is ``{"kind": "datastore", "datastore": name, "path": path}``, ``{"kind": "url", "path":
address}`` or ``{"kind": "local", "path": path}``. Paths may be patterns with ``*``, ``?``, ``**``.
"""

import os
import re
from typing import Dict, List, Optional, Tuple, Union

from .datastore import Datastore
from .errors import UserErrorException
from .local_files import remote_path
from .references import DataPath, DataReference
from .transport import HasTransport

Source = Dict[str, str]
PathLike = Union[str, "os.PathLike[str]"]
_URI = re.compile(
    "azureml://(?:subscriptions/.+?/workspaces/[^/]+/)?datastores/([^/]+)/paths/(.*)",
    re.IGNORECASE,
)
_FORMS = (
    "Give (datastore, 'path'), datastore.path('path'), a DataPath, an http(s) address, a local "
    "path, or a list of these."
)


def sources_of(path: object) -> Tuple[List[Source], Optional[HasTransport]]:
    """Return the sources that a ``path`` argument names, and the workspace of its datastores.

    Raises ``UserErrorException`` for a form that is not known.
    """
    given = path if isinstance(path, list) else [path]
    if not given:
        raise UserErrorException(f"The dataset has no path. {_FORMS}")
    sources: List[Source] = []
    workspace: Optional[HasTransport] = None
    for each in given:
        found, store = _sources(each)
        sources += found
        workspace = workspace or (store.workspace if store is not None else None)
    return sources, workspace


def fixed_folder(path: str) -> str:
    """Return the folder part of a path that no pattern is in."""
    parts = path.split("/")
    fixed = next((n for n, part in enumerate(parts) if is_pattern(part)), len(parts) - 1)
    return "/".join(parts[:fixed])


def is_pattern(path: str) -> bool:
    """Return whether a path has wildcards."""
    return any(mark in path for mark in "*?[")


def matcher(pattern: str) -> "re.Pattern[str]":
    """Return the expression that matches the names of a pattern.

    >>> bool(matcher("a/**/*.csv").fullmatch("a/b/c/d.csv"))
    True
    """
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    marks = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(marks.get(part) or re.escape(part) for part in parts), re.DOTALL)


def _sources(path: object) -> "Tuple[List[Source], Optional[Datastore]]":
    if isinstance(path, tuple) and len(path) == 2 and isinstance(path[0], Datastore):  # noqa: PLR2004 - a pair
        inner = path[1] if isinstance(path[1], list) else [path[1]]
        return [_on(path[0], str(each)) for each in inner], path[0]
    if isinstance(path, Datastore):
        return [_on(path, "")], path
    if isinstance(path, (DataReference, DataPath)):
        store = path.datastore
        if not isinstance(store, Datastore):
            raise UserErrorException(f"The data path has no datastore. {_FORMS}")
        return [_on(store, path.path_on_datastore or "")], store
    if not isinstance(path, (str, os.PathLike)):
        raise UserErrorException(f"{path!r} is not a path of a dataset. {_FORMS}")
    return [_of_text(str(path))], None


def _on(store: Datastore, path: str) -> Source:
    kept = remote_path(path) + ("/" if path.endswith("/") and remote_path(path) else "")
    return {"kind": "datastore", "datastore": store.name, "path": kept}


def _of_text(path: str) -> Source:
    match = _URI.fullmatch(path)
    if match:
        return {
            "kind": "datastore",
            "datastore": match.group(1),
            "path": remote_path(match.group(2)),
        }
    if path.startswith(("http://", "https://")):
        if is_pattern(path.partition("?")[0]):
            raise UserErrorException(
                f"{path!r} is an address with wildcards; the web lists no files. Give each address."
            )
        return {"kind": "url", "path": path}
    if "://" in path:
        raise UserErrorException(f"{path!r} is not a path of a dataset. {_FORMS}")
    return {"kind": "local", "path": os.path.abspath(path)}
