"""A mapping from names to things, each of which is made when it is asked for."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")


class Named(Mapping[str, T]):
    """Names and things, like a dictionary; nothing is read before it is used.

    ``names`` lists the names; ``make`` returns the thing of one name.
    """

    def __init__(self, names: Callable[[], Iterable[str]], make: Callable[[str], T]) -> None:
        self._names = names
        self._make = make

    def __getitem__(self, name: str) -> T:
        if name not in self:
            raise KeyError(name)
        return self._make(name)

    def __contains__(self, name: object) -> bool:
        return name in set(self._names())

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names()))

    def __len__(self) -> int:
        return len(set(self._names()))

    def __repr__(self) -> str:
        return repr(dict(self))
