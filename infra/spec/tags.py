"""Tags: names and values of text, within what Azure Resource Manager accepts on every type."""

from typing import Annotated, Final

from pydantic import AfterValidator

_FORBIDDEN: Final = frozenset(r"<>%&\?/")
# Azure's limits: 50 tags, values of 256 characters, names of 512 (of 128 on a storage account).
_MOST, _LONGEST_NAME, _LONGEST_VALUE = 50, 128, 256


def _tags(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > _MOST:
        raise ValueError(f"has {len(tags)} tags; Azure takes at most {_MOST}.")
    for name, value in tags.items():
        bad = sorted(_FORBIDDEN & set(name))
        if bad:
            raise ValueError(f"the tag name {name!r} holds {' '.join(bad)}, which Azure refuses.")
        if not name or len(name) > _LONGEST_NAME:
            raise ValueError(f"the tag name {name!r} must have 1-{_LONGEST_NAME} characters.")
        if len(value) > _LONGEST_VALUE:
            raise ValueError(f"the tag {name!r} has more than {_LONGEST_VALUE} characters.")
    return tags


Tags = Annotated[dict[str, str], AfterValidator(_tags)]
