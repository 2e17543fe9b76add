"""Which of several runs are wanted, by type, tags, properties and status."""

import typing

from .connection import Json


def matching(
    runs: typing.Iterable[Json],
    type: typing.Optional[str],
    tags: typing.Any,
    properties: typing.Any,
    status: typing.Optional[str],
) -> typing.Iterator[Json]:
    """Yield the runs that match everything; tags and properties are a key or a dictionary."""
    for run in runs:
        if (
            (type is None or run.get("type") == type)
            and (status is None or run["status"] == status)
            and _have(run.get("tags") or {}, tags)
            and _have(run.get("properties") or {}, properties)
        ):
            yield run


def _have(found: typing.Mapping[str, str], wanted: typing.Any) -> bool:
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return wanted in found
    return all(
        key in found if value is None else found.get(key) == str(value)
        for key, value in wanted.items()
    )
