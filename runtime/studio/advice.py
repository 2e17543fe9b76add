"""What messages advise, in the words of who reads them in a browser. Pure.

Messages are written for the command line. Where a page does what a command does, the page is named
instead; a command that no page stands for stays, for a terminal.
"""

import re
from functools import partial
from typing import Final

_UP: Final = r"`aml up(?: -s [^`]*)?`"
_REFRESH: Final = r"`aml refresh(?: -s [^`]*)?`"
_WORDS: Final = (
    (r"run the command again", "try again"),
    (r" with a smaller `--parallel`", ""),
    (r"switch it off on the page `Local cloud` of `aml studio`", "switch it off under Local cloud"),
    (r"[,;] or name a manifest with `--manifest FILE`", ""),
    (rf"run {_UP}", "plan a deployment"),
    (rf"\belse {_UP}", "else plan a deployment"),
    (rf"the next {_UP}", "the next deployment"),
    (_UP, "a deployment"),
    (rf"run {_REFRESH}", "look for drift"),
    (rf"{_REFRESH} (?=removes|updates)", "adopting the drift "),
    (_REFRESH, "the drift page"),
    (r"run `aml targets[^`]*` to see", "look under Computes to see"),
    (r"`aml targets(?: -s [^`]*)?`", "the page Computes"),
    (r"run `aml cloud start`", "start the local cloud"),
    (r"start it first, or `aml cloud start`", "start it first"),
    (r"start it with `aml cloud start`", "start it"),
    (r"run `aml compute start ([^` ]+)[^`]*`", r"start \1 under Computes"),
    (r"wait for it with `aml run logs [^`]*`", "wait for it on its page"),
    (r"follow its logs with `aml run logs [^`]*`", "follow its logs on its page"),
    (r"`aml run logs [^`]*` shows", "its page shows"),
    (r"`aml runs`", "the page Runs"),
)
_PATTERNS: Final = tuple((re.compile(pattern, re.IGNORECASE), words) for pattern, words in _WORDS)


def in_browser(text: str) -> str:
    """Return a message whose advice names pages instead of commands.

    >>> in_browser("Wait a minute, then run the command again.")
    'Wait a minute, then try again.'
    >>> in_browser("No quota. `aml up -s dev` deploys it again.")
    'No quota. A deployment deploys it again.'
    """
    for pattern, words in _PATTERNS:
        text = pattern.sub(partial(_worded, words), text)
    return text


def _worded(words: str, found: re.Match[str]) -> str:
    """Return other words for a place in a text, with a capital where they begin a sentence."""
    said = found.expand(words)
    before = found.string[: found.start()].rstrip()
    begins = not before or before.endswith(".")
    return said[:1].upper() + said[1:] if begins else said
