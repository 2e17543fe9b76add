"""What scripts print for a terminal, as a page shows it. Pure."""

import re
from typing import Final

_SEQUENCES: Final = re.compile(
    r"\x1b(?:"
    r"\[[0-?]*[ -/]*[@-~]"  # colours, movements
    r"|\][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles, links
    r"|[@-Z\\^_]"
    r")"
)


def without_sequences(text: str) -> str:
    r"""Return a text without the sequences that colour it in a terminal.

    >>> without_sequences("\x1b[31mepoch\x1b[0m 1")
    'epoch 1'
    """
    return _SEQUENCES.sub("", text)
