"""What happens when an attribute is read that a class does not have: it leads to the right one."""

from collections.abc import Mapping
from difflib import get_close_matches

from runtime.api.exceptions import UserErrorException


class MissingAttributeError(UserErrorException, AttributeError):
    """An attribute that is not there; the remedy names the nearest, or what to do instead."""


def missing_attribute(owner: object, name: str, not_offered: Mapping[str, str]) -> AttributeError:
    """Return the error for an attribute that ``owner`` does not have.

    ``not_offered`` maps attributes of azureml-core to what to do instead.
    """
    kind = type(owner).__name__
    if name.startswith("_"):
        return AttributeError(f"{kind!r} object has no attribute {name!r}")
    if name in not_offered:
        return MissingAttributeError(
            f"{kind}.{name} is not offered.", remedy=f"Instead, {not_offered[name]}."
        )
    known = [each for each in {*dir(type(owner)), *vars(owner)} if not each.startswith("_")]
    close = get_close_matches(name, known, n=1)
    return MissingAttributeError(
        f"{kind!r} object has no attribute {name!r}.",
        remedy=f"Did you mean {close[0]!r}?" if close else f"See `help({kind})`.",
    )
