"""Which known names a wrong one may mean: misspellings of it, never a name of something else.

Names are compared word by word. `azure_sql` has a word of its own beside `azure_file`, so it means
something else however many letters they share; `blob_data_reader` lacks a word of
`storage_blob_data_reader`, and means it.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import zip_longest
from typing import Final

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_VERSION: Final = re.compile(r"\d+(?:\.\d+)*")
_VOWELS: Final = re.compile(r"[aeiou]")
_ALIKE: Final = 0.8
"""How alike two words are that are the same but for a misspelling."""
_SLIP: Final = 0.85
"""How alike two words are whose letters are swapped, or of which one letter is wrong."""
_SHORTEST: Final = 3
_AS_GOOD: Final = 0.1
"""How much less alike than the nearest name another may be that is suggested beside it."""
_HALF: Final = 0.5
"""How many of the longer name's words must be in the shorter one."""
_OPPOSITES: Final = frozenset({"disable", "disabled", "not", "no", "without"})


def names_meant(name: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """Return the known names that ``name`` may mean, nearest first. Pure."""
    distinct = {each.lower(): each for each in known}.values()
    rated = sorted(((_likeness(name, each), each) for each in distinct), reverse=True)
    best, nearest = rated[0] if rated else (0.0, "")
    near = [each for likeness, each in rated if likeness and likeness >= best - _AS_GOOD]
    # `encription` is like `description` as well; but the first letter is seldom the wrong one.
    begins = name[:1].lower()
    is_first_right = nearest[:1].lower() == begins
    return [each for each in near if not is_first_right or each[:1].lower() == begins][:most]


def version_meant(wanted: str, known: Iterable[str]) -> str | None:
    """Return the known version nearest to one in numbers, of two the later; ``None`` for a word.

    The first number that differs decides: `2.0` is nearer to `2.9` than `1.9` is.
    """
    numbers = _numbers(wanted)

    def far(version: str) -> tuple[list[int], list[int]]:
        theirs = _numbers(version)
        steps = [abs(a - b) for a, b in zip_longest(numbers, theirs, fillvalue=0)]
        return steps, [-each for each in theirs]

    return min(known, key=far, default=None) if numbers else None


def _numbers(version: str) -> list[int]:
    return [int(each) for each in version.split(".")] if _VERSION.fullmatch(version) else []


@lru_cache(maxsize=4096)  # a wrong name is compared wherever it may be meant
def _likeness(name: str, known: str) -> float:
    """Return how alike two names are, from 0 to 1; 0 if they mean different things."""
    ours, theirs = _words(name), _words(known)
    if not ours or not theirs or _OPPOSITES & {*ours} != _OPPOSITES & {*theirs}:
        return 0.0
    if len(ours) != len(theirs):  # vmsize, vm_size
        joined = _ratio("".join(ours), "".join(theirs))
        if joined > _ALIKE + _AS_GOOD:
            return joined
    fewer, more = sorted((ours, theirs), key=len)
    paired = _paired(fewer, more)
    share = len(fewer) / len(more)
    if not paired or share < _HALF:
        return 0.0
    return _ratio(name.lower(), known.lower()) if share == 1 else share * min(paired)


def _paired(fewer: Sequence[str], more: Sequence[str]) -> list[float]:
    """Return how alike each of the words is to one of the others; nothing if one is to none."""
    left, found = list(more), []
    for word in fewer:
        ratio, nearest = max(((_ratio(word, each), each) for each in left), default=(0.0, ""))
        if ratio < _ALIKE:
            return []
        left.remove(nearest)
        found.append(ratio)
    return found


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


@lru_cache(maxsize=4096)
def _ratio(one: str, other: str) -> float:
    slip = sorted(one) == sorted(other) or _one_letter_off(one, other) or _shortened(one, other)
    return max(_SLIP if slip else 0.0, SequenceMatcher(None, one, other).ratio())


def _shortened(one: str, other: str) -> bool:
    """Return whether one word is the other without its vowels: ``img`` for ``image``."""
    short, long = sorted((one, other), key=len)
    return len(short) >= _SHORTEST and short == long[0] + _VOWELS.sub("", long[1:])


def _one_letter_off(one: str, other: str) -> bool:
    """Return whether a letter after the first is another one: a short word has few left."""
    same = [a == b for a, b in zip(one, other, strict=False)]
    return len(one) == len(other) >= _SHORTEST and same[0] and same.count(False) == 1
