"""Command lines as a person reads and types them. Pure."""

import re
import shlex
from collections.abc import Iterable
from typing import Final

_OF_STACKS: Final = re.compile(
    r"`aml (?!(?:[^`]* )?-s )"
    r"((?:up|preview|refresh|destroy|drift|cancel|unprotect|outputs|check|targets)\b[^`]*)`"
)
_PLAIN: Final = re.compile(r"[^\s'\"\\]+")


def shown_command(words: Iterable[str]) -> str:
    """Return a command with quotes around the words that need them to be told apart.

    >>> shown_command(["python", "train.py", "--name", "a b", "", "$DATA"])
    "python train.py --name 'a b' '' $DATA"
    """
    return " ".join(word if _PLAIN.fullmatch(word) else shlex.quote(word) for word in words)


def stack_command(command: str, stack: str) -> str:
    """Return an `aml` command on one stack, in backticks, complete as it is to be typed.

    It always names the stack: the selected one may be another, now or when the hint is read.

    >>> stack_command("destroy --yes", "dev")
    '`aml destroy --yes -s dev`'
    """
    return f"`aml {command} -s {stack}`"


def on_stack(text: str, stack: str) -> str:
    """Return a hint whose commands name the stack: the text of who does not know which it is.

    >>> on_stack("Run `aml up` again.", "dev")
    'Run `aml up -s dev` again.'
    """
    return _OF_STACKS.sub(lambda found: stack_command(found[1], stack), text)
