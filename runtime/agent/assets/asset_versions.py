"""Versions of data assets and models: ARM's ``{kind}/{name}/versions/{version}``.

A name's versions count up from 1. Two processes that register at once get two versions.
"""

import re
import uuid
from datetime import datetime, timezone
from typing import Dict, Iterator, List, Optional

from .errors import UserErrorException
from .transport import (
    CONFLICT,
    Json,
    Transport,
    found,
    items,
    refused,
    section,
    segment,
)

_TRIES = 20
_MARK = "aml.registration"
_FIRST_ERROR = 400
_BAD_REQUEST = 400
# Azure writes up to seven digits of a second; Python reads six.
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?(?:Z|\+00:00)?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
# Names of azureml-core may have spaces; ARM's may not.
_UNFIT = re.compile("[^A-Za-z0-9_.-]")


def check_name(name: str, noun: str) -> None:
    """Raise ``UserErrorException`` for a name that an asset cannot have."""
    if not _NAME.fullmatch(name):
        near = _UNFIT.sub("-", name).lstrip("-_.")
        hint = f" Try {near!r}." if near else ""
        raise UserErrorException(
            f"{name!r} is not a {noun} name: use letters, digits, '-', '_' and '.', and begin "
            f"with a letter or digit.{hint}"
        )


def version_path(kind: str, name: str, version: object) -> str:
    """Return the path of one version, relative to the workspace."""
    return f"/{kind}/{segment(name)}/versions/{segment(version)}"


def named(document: Dict[str, object]) -> str:
    """Return the asset's name, from the id of one of its versions."""
    return str(document["id"]).rpartition("/versions/")[0].rpartition("/")[2]


def number(text: object) -> "object":
    """Return a version as azureml-core shows it: an ``int`` where it is one."""
    return int(str(text)) if str(text).isdigit() else str(text)


def created(document: Dict[str, object]) -> Optional[datetime]:
    """Return when a version was registered, in UTC, ``None`` if the service does not say."""
    text = str(section(document, "systemData").get("createdAt") or "")
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    fraction = (match.group(2) or "0").ljust(6, "0")
    at = datetime.strptime(f"{match.group(1)}.{fraction}+0000", "%Y-%m-%dT%H:%M:%S.%f%z")
    return at.astimezone(timezone.utc)


def all_versions(transport: Transport, kind: str, name: str) -> List[Dict[str, object]]:
    """Return the versions of a name, newest first."""
    listed = list(items(transport, f"/{kind}/{segment(name)}/versions"))
    return sorted(listed, key=_made, reverse=True)


def each_name(transport: Transport, kind: str) -> Iterator[str]:
    """Yield the names of all assets of a kind."""
    for each in items(transport, f"/{kind}"):
        yield str(each["name"])


def one(
    transport: Transport, kind: str, name: str, version: object = None
) -> Optional[Dict[str, object]]:
    """Return a version, by default the newest; ``None`` if there is none."""
    if version is not None and str(version) != "latest":
        return found(transport, version_path(kind, name, version))
    listed = all_versions(transport, kind, name)
    return listed[0] if listed else None


def create(transport: Transport, kind: str, name: str, properties: Json) -> Dict[str, object]:
    """Register the next version of a name and return it."""
    # A PUT of what is there already is no conflict: two who register the same must differ.
    own = dict(section(properties, "properties"), **{_MARK: uuid.uuid4().hex})
    for _ in range(_TRIES):
        versions = [str(each["name"]) for each in all_versions(transport, kind, name)]
        following = max([int(each) for each in versions if each.isdigit()] or [0]) + 1
        path = version_path(kind, name, following)
        if found(transport, path) is not None:  # archived versions are not listed
            following = _free(transport, kind, name, following)
            path = version_path(kind, name, following)
        status, answer = transport.arm(
            "PUT", path, {"properties": dict(properties, properties=own)}
        )
        if status < _FIRST_ERROR:
            return answer
        # Another process registered this version first.
        taken = status in (CONFLICT, _BAD_REQUEST) and found(transport, path) is not None
        if not taken:
            raise refused(status, answer)
    raise UserErrorException(f"Others register versions of {name} all the time; try again.")


def put(
    transport: Transport, kind: str, name: str, version: object, properties: Json
) -> Dict[str, object]:
    """Register a version of a name and return it."""
    path = version_path(kind, name, version)
    status, answer = transport.arm("PUT", path, {"properties": properties})
    if status >= _FIRST_ERROR:
        raise refused(status, answer)
    return answer


def change(
    transport: Transport, kind: str, document: Dict[str, object], changes: Json
) -> Dict[str, object]:
    """Change properties of a version, such as its tags, and return it."""
    kept = {k: v for k, v in section(document, "properties").items() if k not in _READ_ONLY}
    return put(transport, kind, named(document), document["name"], dict(kept, **changes))


_READ_ONLY = frozenset({"provisioningState"})


def _free(transport: Transport, kind: str, name: str, version: int) -> int:
    while found(transport, version_path(kind, name, version)) is not None:
        version += 1
    return version


def _made(document: Dict[str, object]) -> "tuple[str, int]":
    created = str(section(document, "systemData").get("createdAt") or "")
    version = str(document["name"])
    return created, int(version) if version.isdigit() else 0
