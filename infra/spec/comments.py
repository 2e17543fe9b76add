"""Moves comment lines between entries of a YAML document loaded by ruamel.

ruamel attaches a comment above an entry to the last value before it. Code that removes or adds that
value must move the comment, or it is lost or ends up in the wrong place.
"""

from typing import Any, Final

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark
from ruamel.yaml.tokens import CommentToken

_SLOT: Final = {CommentedMap: 2, CommentedSeq: 0}


def take_tail(container: Any, key: Any, *, remove: bool = False) -> str:
    """Detach and return the comment lines that follow the entry but do not belong to it.

    Lines indented deeper than the container's entries belong to the entry, and so does a comment on
    its own line: they stay, or are removed with it (``remove``).
    """
    owner, last = _deepest(container, key)
    token = _token(owner, last)
    if token is None or "\n" not in token.value.rstrip("\n"):
        return ""
    first, *lines = token.value.splitlines(keepends=True)
    # New containers have no column, and no comments of their own.
    column = 10_000 if container.lc.col is None else container.lc.col
    own = 0
    for number, line in enumerate(lines, 1):
        if line.strip() and len(line) - len(line.lstrip()) <= column:
            break
        own = number if line.strip() else own
    token.value = first + "".join(lines[:own])
    if remove:
        token.value = ""
    return "".join(lines[own:])


def give_tail(container: Any, key: Any, tail: str) -> None:
    """Attach ``tail`` after the entry."""
    if not tail:
        return
    owner, last = _deepest(container, key)
    token = _token(owner, last)
    if token is None:
        slots: list[Any] = [None, None, None, None]
        slots[_slot(owner)] = CommentToken(f"\n{tail}", CommentMark(0), None)
        owner.ca.items[last] = slots
    else:
        token.value = f"{token.value.rstrip(chr(10))}\n{tail}"


def give_head(container: Any, tail: str) -> None:
    """Attach ``tail`` above the first entry; blank lines are lost."""
    text = "\n".join(line.strip().removeprefix("#").strip() for line in tail.splitlines())
    if text.strip():
        first = 0 if isinstance(container, CommentedSeq) else next(iter(container))
        column = container.lc.col or 0
        container.yaml_set_comment_before_after_key(first, before=text.strip(), indent=column)


def _deepest(container: Any, key: Any) -> tuple[Any, Any]:
    """Return the last leaf of an entry in block style, which holds the comment after it."""
    value = container[key]
    if isinstance(value, CommentedMap | CommentedSeq) and len(value):
        if value.fa.flow_style():
            return container, key
        last = len(value) - 1 if isinstance(value, CommentedSeq) else list(value)[-1]
        return _deepest(value, last)
    return container, key


def _token(owner: Any, key: Any) -> Any:
    slots = owner.ca.items.get(key)
    return slots[_slot(owner)] if slots else None


def _slot(owner: Any) -> int:
    return _SLOT[CommentedSeq if isinstance(owner, CommentedSeq) else CommentedMap]
