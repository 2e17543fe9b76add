"""Whether the credentials that a stack file refers to exist; checked before the program runs.

Looks at variables and files. What a key vault holds is read by the program alone.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

from infra.contract.errors import CredentialError
from infra.spec.credentials import Reference


def require_references(
    declared: BaseModel, folder: Path, environment: Mapping[str, str], *, at: str
) -> None:
    """Refuse with every reference that cannot be resolved; relative paths start at ``folder``."""
    lost = [each for each in _references(declared) if not _leads(each, folder, environment)]
    if lost:
        names = ", ".join(dict.fromkeys(map(str, lost)))
        raise CredentialError(
            f"The stack refers to credentials that do not exist: {names}.",
            remedy="Set the variables in the environment you deploy from; correct the file paths.",
            at=at,
        )


def credential_sources(declared: BaseModel) -> list[tuple[str, str]] | None:
    """Return the variables and files that the stack refers to, as ``(kind, name)``.

    ``None`` if a key vault holds one: only a request tells its value.
    """
    found = dict.fromkeys((each.source, each.name) for each in _references(declared))
    return None if any(kind == "keyvault" for kind, _ in found) else list(found)


def _references(value: object) -> Iterator[Reference]:
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, BaseModel):
        yield from _references(dict(value))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _references(item)


def _leads(each: Reference, folder: Path, environment: Mapping[str, str]) -> bool:
    if each.source == "env":
        return bool(environment.get(each.name))
    return each.source == "keyvault" or (folder / Path(each.name).expanduser()).is_file()
