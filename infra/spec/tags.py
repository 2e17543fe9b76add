"""Tags, within the limits of Azure Resource Manager for all types."""

from typing import Annotated, Final

from pydantic import AfterValidator

_FORBIDDEN: Final = frozenset(r"<>%&\?/")
# Azure's limits: 50 tags, values of 256 characters, names of 512.
_MOST, _LONGEST_NAME, _LONGEST_VALUE = 50, 512, 256
LONGEST_ON_STORAGE: Final = 128
"""Names of tags are shorter on a storage account; a rule sees to it where one is created."""


def _name(name: str) -> str:
    bad = sorted(_FORBIDDEN & set(name))
    if bad:
        raise ValueError(
            f"{name!r} contains {' '.join(bad)}, which Azure does not allow in the name of a tag."
        )
    if not 0 < len(name) <= _LONGEST_NAME:
        raise ValueError(f"is not a tag name: use 1-{_LONGEST_NAME} characters.")
    return name


def _value(value: str) -> str:
    if len(value) > _LONGEST_VALUE:
        raise ValueError(f"is too long; use at most {_LONGEST_VALUE} characters.")
    return value


def _tags(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > _MOST:
        raise ValueError(f"has {len(tags)} tags; Azure allows at most {_MOST}.")
    return tags


Tags = Annotated[
    dict[Annotated[str, AfterValidator(_name)], Annotated[str, AfterValidator(_value)]],
    AfterValidator(_tags),
]
