"""Names of files as a tree of folders, for pages that list them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Folder:
    """A folder: the folders in it by name, and its files with their full names and sizes."""

    folders: "dict[str, Folder]" = field(default_factory=dict)
    files: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many files there are, also in folders below."""
        return len(self.files) + sum(each.count for each in self.folders.values())

    @property
    def size(self) -> int:
        """The bytes of all of them."""
        own = sum(size for _, _, size in self.files)
        return own + sum(each.size for each in self.folders.values())


def tree_of(files: Iterable[tuple[str, int]]) -> Folder:
    """Return the tree of files, given as POSIX names and sizes in bytes.

    A folder that only has one folder is one with it: ``a/b``.
    """
    root = Folder()
    for name, size in sorted(files):
        *parents, own = name.split("/")
        place = root
        for parent in parents:
            place = place.folders.setdefault(parent, Folder())
        place.files.append((own, name, size))
    root.folders = _joined(root.folders)
    return root


def _joined(folders: "dict[str, Folder]") -> "dict[str, Folder]":
    found = {}
    for name, folder in folders.items():
        path, last = [name], folder
        while not last.files and len(last.folders) == 1:
            ((own, last),) = last.folders.items()
            path.append(own)
        last.folders = _joined(last.folders)
        found["/".join(path)] = last
    return found
