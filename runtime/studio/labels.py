"""Settings of the stack file in the words of a form: labels, headings, messages. Pure.

A key inside a setting is a path (``identity.type``, ``schedules[0].cron``).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from infra.contract.stack_console import FormField

_ACRONYMS: Final = {each: each.upper() for each in ("id", "ip", "os", "ssh", "sso", "vm")}
_NUMBER: Final = re.compile(r"\[(\d+)\]")


def label(key: str) -> str:
    """Return the label of a setting, without those that it is in.

    >>> label("admin.ssh_public_key")
    'SSH public key'
    """
    first, *others = _words(key.rpartition(".")[2])
    return " ".join([first[:1].upper() + first[1:], *others])


def heading(path: str) -> str:
    """Return the heading of the settings inside another, or a setting with those that it is in.

    >>> heading("schedules[0].cron")
    'Schedules 1: cron'
    """
    numbered = _NUMBER.sub(lambda found: f" {int(found[1]) + 1}", path)
    text = ": ".join(" ".join(_words(each)) for each in numbered.split("."))
    return text[:1].upper() + text[1:]


def labelled(fields: Iterable[FormField], message: str) -> str:
    """Return a message that calls settings what their form calls them; what is quoted stays.

    >>> labelled([FormField("min_nodes", "number")], "is more than min_nodes")
    'is more than Min nodes'
    """
    names: Mapping[str, str] = {
        key: words
        for field in fields
        for key, words in (
            (field.key.rpartition(".")[2], label(field.key)),
            (field.key, heading(field.key)),
        )
        if "_" in key or "." in key  # other keys are words already
    }
    if not names:
        return message
    known = "|".join(re.escape(key) for key in sorted(names, key=len, reverse=True))
    return re.sub(
        rf"(?<![\w.'\"/])(?:{known})(?![\w'\"/]|\.\w)", lambda found: names[found[0]], message
    )


def _words(key: str) -> list[str]:
    return [_ACRONYMS.get(word, word) for word in key.split("_")]
