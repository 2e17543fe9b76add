"""Changes values in the text of a YAML file and leaves all else as it is, comments included."""

from collections.abc import Mapping
from typing import Final

import yaml

from infra.contract.json_types import Document
from runtime.definitions.shapes import Key, Kind, by_name, folded
from runtime.definitions.yaml_text import block, inline

_STEP: Final = 2
_MAPS: Final = frozenset({Kind.SECTION, Kind.NAMED, Kind.VARIABLES})


class TextEdits:
    """The changes of one text, collected and then applied at once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._edits: list[tuple[int, int, str]] = []

    def applied(self) -> str:
        """Return the changed text."""
        text = self._text
        for start, end, new in sorted(self._edits, reverse=True):
            text = text[:start] + new + text[end:]
        return text

    def mapping(
        self, node: yaml.MappingNode, keys: tuple[Key, ...] | None, old: Document, new: Document
    ) -> None:
        """Change a mapping in block style from ``old`` to ``new``.

        ``keys`` are those it may have, ``None`` if names are the user's.
        """
        known = by_name(keys) if keys is not None else {}
        there = set()
        for name_node, value in node.value:
            written = str(name_node.value)
            key = known.get(folded(written)) if keys is not None else None
            name = key.name if key else written
            there.add(name)
            if name not in new:
                self._cut(self._line(name_node), self._after(value))
            elif old.get(name) != new[name]:
                self._change(name_node, value, key, old.get(name), new[name])
        added = {name: value for name, value in new.items() if name not in there}
        if added:
            self._insert(node, added)

    def _change(
        self, name: yaml.Node, value: yaml.Node, key: Key | None, old: object, new: object
    ) -> None:
        if (
            isinstance(value, yaml.MappingNode)
            and not value.flow_style
            and isinstance(old, Mapping)
            and isinstance(new, Mapping)
            and new
        ):
            self.mapping(value, _inner(key), old, new)
        elif isinstance(new, Mapping | list) and new and not _is_flow(value):
            lines = self._indented(block({str(name.value): new}), name.start_mark.column)
            self._edits.append((self._starts[self._line(name)], self._after_offset(value), lines))
        elif self._is_block(value):
            line = f"{' ' * name.start_mark.column}{name.value}: {inline(new)}{self._newline}"
            self._edits.append((self._starts[self._line(name)], self._after_offset(value), line))
        else:
            start, end = self._offset(value.start_mark), self._offset(value.end_mark)
            space = " " if self._text[start - 1 : start] == ":" else ""
            self._edits.append((start, end, space + inline(new)))

    def _is_block(self, node: yaml.Node) -> bool:
        """Return whether a value has lines of its own."""
        if isinstance(node, yaml.ScalarNode):
            return node.style in {"|", ">"}
        return not _is_flow(node)

    def _insert(self, node: yaml.MappingNode, added: Document) -> None:
        lines = self._indented(block(dict(added)), node.start_mark.column)
        at = self._after_offset(node)
        broken = at > 0 and self._text[at - 1] != "\n"
        self._edits.append((at, at, (self._newline if broken else "") + lines))

    def _cut(self, first: int, after: int) -> None:
        self._edits.append((self._starts[first], self._starts[after], ""))

    def _line(self, node: yaml.Node) -> int:
        line: int = node.start_mark.line
        return line

    def _after(self, node: yaml.Node) -> int:
        """Return the line after a value, without the comments below it."""
        if not isinstance(node, yaml.CollectionNode) or node.flow_style:
            mark = node.end_mark
            ends = mark.column == 0 and mark.line > node.start_mark.line
            return min(mark.line + (0 if ends else 1), len(self._lines))
        last = node.value[-1]
        return self._after(last[1] if isinstance(node, yaml.MappingNode) else last)

    def _after_offset(self, node: yaml.Node) -> int:
        return self._starts[self._after(node)]

    def _offset(self, mark: yaml.Mark) -> int:
        return self._starts[mark.line] + mark.column

    def _indented(self, text: str, column: int) -> str:
        lines = text.splitlines()
        return "".join(f"{' ' * column if line else ''}{line}{self._newline}" for line in lines)


def _is_flow(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and bool(node.flow_style)


def _inner(key: Key | None) -> tuple[Key, ...] | None:
    """Return the keys of the mapping below a key, ``None`` if names are the user's."""
    return key.keys if key is not None and key.kind is Kind.SECTION else None
