"""Edits single values of a stack file and preserves the rest of its text, comments included.

Keys, paths and the typing of values follow `pulumi config set`: a value is text, except that with a
path whole numbers and true/false are typed. Knows nothing about the meaning of values.
"""

import os
import re
import tempfile
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any, Final, Self

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from infra.contract.bounded_yaml import YamlError, json_value
from infra.contract.errors import SpecError, UnknownNameError, UsageError
from infra.contract.json_types import Document, JsonObject
from infra.contract.load import nearest
from infra.contract.wrapped_key import WrappedKey
from infra.spec.comments import give_head, give_tail, take_tail
from infra.spec.credentials import Sealed
from infra.spec.document import KEYS_OF_SECRETS, parse_document, read_text, salt_of
from infra.spec.problems import UNREADABLE, Problem, file_error

Step = str | int
_SEGMENT: Final = re.compile(
    r"""\.?(?P<name>[^.\[\]"]+) | \[(?P<index>\d+)\] | \["(?P<quoted>(?:[^"\\]|\\.)*)"\]""",
    re.VERBOSE,
)
_WHOLE: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_LIST_INDENT: Final = re.compile(r"^( *)[^\s#-].*:[ ]*(?:#.*)?\n\1( *)- ", re.MULTILINE)


def parse_path(text: str) -> tuple[Step, ...]:
    """Return the steps of ``aml:computes[0].vm_size`` or ``aml:tags["cost.center"]``."""
    steps: list[Step] = []
    at = 0
    while at < len(text):
        match = _SEGMENT.match(text, at)
        if match is None:
            break
        if match["index"] is not None:
            steps.append(int(match["index"]))
        else:
            steps.append(match["name"] or re.sub(r"\\(.)", r"\1", match["quoted"]))
        at = match.end()
    if at < len(text) or not steps or isinstance(steps[0], int):
        raise UsageError(
            f"{text!r} is not a path.", remedy="Write it as aml:computes[0].vm_size, in quotes."
        )
    return tuple(steps)


def typed(value: str) -> str | int | bool:
    """Return what Pulumi stores for ``value`` with a path: 007 and 1.5 stay text."""
    if value in ("true", "false"):
        return value == "true"
    return int(value) if _WHOLE.fullmatch(value) else value


class StackFile:
    """A stack file being edited. Changes reach the disk with ``write``."""

    def __init__(self, text: str, at: Path) -> None:
        self._at = at
        # First: only this reader has limits.
        unreadable = [each for each in parse_document(text).problems if each.code == UNREADABLE]
        if unreadable:
            raise file_error(unreadable, at)
        self._yaml = YAML()
        self._yaml.preserve_quotes = True
        self._yaml.width = 10_000  # keeps the author's line breaks
        # Preserves the spelling of `key:` and `key: null`.
        self._yaml.representer.add_representer(type(None), _null)
        found = _LIST_INDENT.search(text)
        offset = len(found[2]) if found else 2
        self._yaml.indent(mapping=2, sequence=offset + 2, offset=offset)
        try:
            root = self._yaml.load(text)
        except MarkedYAMLError as error:
            raise SpecError(
                f"The file is not YAML: {error.problem}.", remedy="Run `aml check`.", at=str(at)
            ) from error
        self._root: CommentedMap = CommentedMap() if root is None else root
        if not isinstance(self._root, CommentedMap):
            raise SpecError("The file is not a map.", remedy="Run `aml check`.", at=str(at))

    @classmethod
    def read(cls, file: Path) -> Self:
        """Open ``file``; a missing one is empty."""
        try:
            return cls(read_text(file), file)
        except FileNotFoundError:
            return cls("", file)
        except YamlError as error:
            problem = Problem("", str(error), error.line, UNREADABLE)
            raise file_error([problem], file) from error

    @property
    def salt(self) -> str | None:
        """What names the key of the file's secrets, as in ``document.StackDocument``."""
        return salt_of(self._root)

    @salt.setter
    def salt(self, salt: str) -> None:
        wrapped = WrappedKey.parse(salt)
        parts = {"encryptionsalt": salt}
        if wrapped is not None:
            parts = {"secretsprovider": wrapped.url, "encryptedkey": wrapped.encrypted}
        for at, (key, text) in enumerate(parts.items()):
            if key in self._root:
                self._root[key] = text
            else:
                self._root.insert(at, key, text)
        for key in KEYS_OF_SECRETS & self._root.keys() - parts.keys():
            tail = take_tail(self._root, key, remove=True)
            del self._root[key]
            if tail:
                give_tail(self._root, next(reversed(parts)), tail)

    def reseal(self, change: Callable[[str], str]) -> None:
        """Replace the ciphertext of every secret by what ``change`` returns for it."""
        _reseal(self._root.get("config"), change, set())

    def entries(self) -> JsonObject:
        """Return every key with its value as plain data; encrypted ones are ``Sealed``."""
        config = self._root.get("config")
        return {str(key): _plain(value) for key, value in (config or {}).items()}

    def get(self, key: str, *, path: bool = False) -> Any:
        """Return a value as plain data; raise ``UnknownNameError`` if there is none."""
        value: Any = self.entries()
        for step in parse_path(key) if path else (key,):
            value = _child(_unpacked(value), step, key)
        return value

    def set(
        self, key: str, value: str | Sealed, *, path: bool = False, verbatim: bool = False
    ) -> None:
        """Set a value; with a path, missing maps and lists on the way are created.

        ``verbatim`` keeps text as text, even if it looks like a number.
        """
        steps = parse_path(key) if path else (key,)
        node: Any = value
        if isinstance(value, Sealed):
            node = CommentedMap({"secure": value.ciphertext})
        elif len(steps) > 1 and not verbatim:
            node = typed(value)
        container, way = self._config(), list(steps)
        while len(way) > 1 and _holds(container, way[0]) and container[way[0]] is not None:
            container = _opened(container, way.pop(0), key)
        for step in reversed(way[1:]):
            node = _wrapped(step, node, key)
        _put(container, way[0], node, key)

    def remove(self, key: str, *, path: bool = False) -> None:
        """Remove a value; raise ``UnknownNameError`` if there is none."""
        self.get(key, path=path)
        *way, last = parse_path(key) if path else (key,)
        container = self._config()
        for step in way:
            container = _opened(container, step, key)
        tail = take_tail(container, last, remove=True)
        before = _before(container, last)
        del container[last]
        if before is not None:
            give_tail(container, before, tail)
        elif len(container):
            give_head(container, tail)

    def text(self) -> str:
        """Return the edited text."""
        sink = StringIO()
        self._yaml.dump(self._root, sink)
        return sink.getvalue()

    def write(self) -> None:
        """Replace the file atomically."""
        replace_text(self._at, self.text())

    def _config(self) -> CommentedMap:
        config = self._root.get("config")
        if not isinstance(config, CommentedMap):
            config = CommentedMap()
            self._root["config"] = config
        return config


def replace_text(file: Path, text: str) -> None:
    """Replace the text of a file atomically: who reads it sees the former one or this.

    Of a link the file that it leads to, and the link stays.
    """
    file = file.resolve()
    file.parent.mkdir(parents=True, exist_ok=True)
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
    # In the same folder: a rename is atomic only within a file system.
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as sink:
            sink.write(text)
            sink.flush()
            # Before the rename, or a crash could leave an empty file.
            os.fsync(sink.fileno())
        temporary.chmod(mode)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _opened(container: Any, step: Step, key: str) -> Any:
    """Return the map or list below ``step``; JSON text is replaced by its content."""
    child = container[step]
    if isinstance(child, CommentedMap) and child.keys() == {"secure"}:
        raise UsageError(f"{key!r} is inside a secret.", remedy="Set the secret as a whole.")
    unpacked = _unpacked(child)
    if not isinstance(unpacked, dict | list):
        raise UsageError(
            f"{key!r} is below a value that is neither map nor list.",
            remedy="Remove that value first with `aml config rm`.",
        )
    if unpacked is not child:
        _put(container, step, _commented(unpacked), key)
    return container[step]


def _reseal(node: Any, change: Callable[[str], str], seen: set[int]) -> None:
    if id(node) in seen:
        return  # an alias
    seen.add(id(node))
    if isinstance(node, dict) and node.keys() == {"secure"}:
        node["secure"] = change(str(node["secure"]))
    elif isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            if isinstance(child, dict | list):
                _reseal(child, change, seen)


def _wrapped(step: Step, node: Any, key: str) -> Any:
    """Return a new list or map with ``node`` at ``step``."""
    made: Any = CommentedSeq() if isinstance(step, int) else CommentedMap()
    _put(made, step, node, key)
    return made


def _put(container: Any, step: Step, node: Any, key: str) -> None:
    if isinstance(container, CommentedSeq) != isinstance(step, int):
        noun = "a list" if isinstance(container, CommentedSeq) else "a map"
        raise UsageError(f"{key!r} does not fit: the parent is {noun}.", remedy="Correct the path.")
    if _holds(container, step):
        tail = take_tail(container, step)
        container[step] = node
        give_tail(container, step, tail)
        return
    if isinstance(container, CommentedSeq) and step != len(container):
        raise UsageError(
            f"{key!r} is beyond the end of the list, which has {len(container)} entries.",
            remedy=f"Use index {len(container)} to add an entry.",
        )
    tail = take_tail(container, _last_key(container)) if len(container) else ""
    if isinstance(container, CommentedSeq):
        container.append(node)
    else:
        container[step] = node
    give_tail(container, step, tail)


def _holds(container: Any, step: Step) -> bool:
    if isinstance(container, list):
        return isinstance(step, int) and step < len(container)
    return isinstance(container, dict) and step in container


def _before(container: Any, step: Step) -> Step | None:
    """Return the step of the entry before ``step``, or ``None`` for the first."""
    if isinstance(step, int):
        return step - 1 if step else None
    keys: list[Step] = list(container)
    return keys[keys.index(step) - 1] if keys[0] != step else None


def _last_key(container: CommentedMap | CommentedSeq) -> Step:
    if isinstance(container, CommentedSeq):
        return len(container) - 1
    last: Step = list(container)[-1]
    return last


def _child(value: Any, step: Step, key: str) -> Any:
    if _holds(value, step):
        return value[step]
    known: Document = value if isinstance(value, dict) else {}
    raise UnknownNameError(
        f"There is no {key!r} in the stack file.",
        remedy=nearest(str(step), known, noun="such value"),
    )


def _plain(value: Any) -> Any:
    """Return ruamel's value as plain data."""
    match value:
        case {"secure": str(ciphertext), **rest} if not rest:
            return Sealed(str(ciphertext))
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case bool() | None:
            return value
    return next((t(value) for t in (int, float) if isinstance(value, t)), str(value))


def _unpacked(value: Any) -> Any:
    """Return the content of JSON text, and anything else unchanged."""
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            return json_value(value)
        except ValueError:
            return value
    return value


def _commented(value: Any) -> Any:
    if isinstance(value, dict):
        return CommentedMap({key: _commented(item) for key, item in value.items()})
    if isinstance(value, list):
        return CommentedSeq(_commented(item) for item in value)
    return value


def _null(representer: Any, data: None) -> Any:
    del data
    return representer.represent_scalar("tag:yaml.org,2002:null", "")
