"""What differs between two runs: files, arguments, environment, parameters, metrics. Pure."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from runtime.model.runs import RunRecord, SnapshotFile

Values: TypeAlias = Mapping[str, str] | Mapping[str, float] | Mapping[str, str | float]
_LARGEST_TEXT: Final = 512 * 1024
_GIT: Final = "azureml.git."
_DECLARED: Final = ("declared before", "declared after")


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that differs. ``before`` and ``after`` are ``None`` where there is no such file.

    A file that only has another name is ``renamed``.
    """

    kind: Literal["added", "removed", "changed", "renamed"]
    before: SnapshotFile | None = None
    after: SnapshotFile | None = None

    @property
    def path(self) -> str:
        """Return the file's path, the new one if it has two."""
        file = self.after or self.before
        if file is None:
            raise AssertionError("a change has a file")
        return file.path


@dataclass(frozen=True, slots=True)
class Value:
    """A value of both runs, ``None`` where a run has none."""

    before: str | float | None
    after: str | float | None

    @property
    def change(self) -> float | None:
        """Return the difference of two numbers."""
        if isinstance(self.before, int | float) and isinstance(self.after, int | float):
            return self.after - self.before
        return None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a run beside its record.

    ``files`` is ``None`` if its snapshot is not on this machine. ``packages`` has the versions that
    were installed, ``declared`` the environment's document; both are empty where they are unknown.
    """

    record: RunRecord
    files: Sequence[SnapshotFile] | None = None
    packages: Mapping[str, str] = field(default_factory=dict)
    declared: str = ""


@dataclass(frozen=True, slots=True)
class Differences:
    """The differences of two runs; ``metrics`` has all metrics, the others what differs.

    ``files`` is ``None`` if a snapshot is not on this machine. ``declared`` is the unified diff of
    the environments' documents.
    """

    before: str
    after: str
    run: Mapping[str, Value]
    files: Sequence[FileChange] | None
    arguments: Mapping[str, Value]
    environment: Mapping[str, Value]
    declared: Sequence[str]
    packages: Mapping[str, Value]
    git: Mapping[str, Value]
    params: Mapping[str, Value]
    tags: Mapping[str, Value]
    metrics: Mapping[str, Value]


def differences(before: Known, after: Known) -> Differences:
    """Compare two runs."""
    old, new = before.record, after.record
    declared = text_diff(before.declared.encode(), after.declared.encode(), _DECLARED)
    both = before.packages and after.packages
    return Differences(
        before=old.run_id,
        after=new.run_id,
        run=changed(_facts(old), _facts(new)),
        files=(
            None
            if before.files is None or after.files is None
            else file_changes(before.files, after.files)
        ),
        arguments=changed(named_arguments(old.arguments), named_arguments(new.arguments)),
        environment=changed(_environment(old), _environment(new)),
        declared=declared or (),
        packages=changed(before.packages, after.packages) if both else {},
        git=changed(_git(old), _git(new)),
        params=changed(old.params, new.params),
        tags=changed(old.tags, new.tags),
        metrics=side_by_side(old.metrics, new.metrics),
    )


def file_changes(
    before: Iterable[SnapshotFile], after: Iterable[SnapshotFile]
) -> Sequence[FileChange]:
    """Return the files that differ, by path."""
    old, new = ({file.path: file for file in files} for files in (before, after))
    gone = {file.sha256: file for path, file in old.items() if path not in new}
    changes: list[FileChange] = []
    for path, file in new.items():
        if path not in old:
            source = gone.pop(file.sha256, None) if file.size else None
            kind: Literal["added", "renamed"] = "added" if source is None else "renamed"
            changes.append(FileChange(kind, source, file))
        elif (old[path].sha256, old[path].executable) != (file.sha256, file.executable):
            changes.append(FileChange("changed", old[path], file))
    renamed = {change.before.path for change in changes if change.before}
    changes += [
        FileChange("removed", file)
        for path, file in old.items()
        if path not in new and path not in renamed
    ]
    return sorted(changes, key=lambda change: change.path)


def text_diff(before: bytes, after: bytes, names: tuple[str, str]) -> Sequence[str] | None:
    """Return the lines of a unified diff, ``None`` if one of the contents is no text, or large."""
    old, new = _text(before), _text(after)
    if old is None or new is None:
        return None
    diff = difflib.unified_diff(old.splitlines(), new.splitlines(), *names, lineterm="")
    return list(diff)


def named_arguments(arguments: Sequence[str]) -> dict[str, str]:
    """Return the values of arguments by name; one without a name has its position, from 1.

    ``--alpha 0.1`` and ``--alpha=0.1`` are the same; ``--flag`` has an empty value. A name that is
    given several times has all its values.
    """
    found: dict[str, list[str]] = {}
    name, position = "", 0
    for argument in arguments:
        if _is_name(argument):
            name, equals, value = argument.partition("=")
            found.setdefault(name, [])
            if equals:
                found[name].append(value)
                name = ""
        elif name:
            found[name].append(argument)
            name = ""
        else:
            position += 1
            found[str(position)] = [argument]
    return {name: " ".join(values) for name, values in found.items()}


def changed(before: Values, after: Values) -> dict[str, Value]:
    """Return the values that differ, by name."""
    return {
        name: value
        for name, value in side_by_side(before, after).items()
        if value.before != value.after
    }


def side_by_side(before: Values, after: Values) -> dict[str, Value]:
    """Return all values of both, by name."""
    return {name: Value(before.get(name), after.get(name)) for name in sorted({*before, *after})}


def _is_name(argument: str) -> bool:
    """Return whether an argument is an option; ``-1`` and ``-0.5`` are values."""
    first = argument[1:2]
    return argument.startswith("-") and first not in {"", "."} and not first.isdigit()


def _text(content: bytes) -> str | None:
    if len(content) > _LARGEST_TEXT or b"\0" in content:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _facts(record: RunRecord) -> dict[str, str | float]:
    facts: dict[str, str | float] = {
        "script": record.script,
        "target": record.target,
        "experiment": record.experiment,
        "state": str(record.state),
    }
    if record.exit_code is not None:
        facts["exit code"] = record.exit_code
    return facts


def _environment(record: RunRecord) -> dict[str, str | float]:
    """Return the properties of a run's environment: its content hash, its Python, its lock."""
    prefixes = ("aml.environment", "aml.python", "aml.image")
    return {key: value for key, value in record.properties.items() if key.startswith(prefixes)}


def _git(record: RunRecord) -> dict[str, str | float]:
    return {
        key.removeprefix(_GIT): value
        for key, value in record.properties.items()
        if key.startswith(_GIT)
    }
