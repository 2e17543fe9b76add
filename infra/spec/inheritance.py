"""Reads what a stack file extends, and merges it in: one level, plain values alone.

Secrets are of one file: what is encrypted in the extended one was encrypted for another stack.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import yaml

from infra.contract.bounded_yaml import YamlError, plain
from infra.contract.inheritance import EXTENDS, merged
from infra.spec.credentials import Sealed
from infra.spec.document import (
    KEYS_OF_SECRETS,
    StackDocument,
    parse_document,
    read_document,
    read_text,
)
from infra.spec.problems import NOT_EXTENDED, Location, Problem, did_you_mean, path_text

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FILE: Final = "Pulumi.{}.yaml"
_WIDTH: Final = 120


def read_stack_document(file: Path) -> StackDocument:
    """Read a stack file with all that it inherits. Raises ``SpecError`` if there is no file."""
    return extended(read_document(file), file.parent)


def extended(document: StackDocument, folder: Path | None) -> StackDocument:
    """Return a document with what it inherits from a file in ``folder``; its problems grow by that.

    Without a folder, a document that extends another stays as it is, with a problem.
    """
    if EXTENDS not in document.config:
        return document
    name = document.config[EXTENDS]
    if folder is None or not isinstance(name, str) or not _NAME.fullmatch(name):
        return _refused(document, "names a stack beside this one, such as `base`.")
    try:
        base = parse_document(read_text(folder / _FILE.format(name)))
    except YamlError as error:
        return _refused(document, f"{_FILE.format(name)}, line {error.line}: {error}")
    except FileNotFoundError:
        known = sorted(file.name[7:-5] for file in folder.glob(_FILE.format("*")))
        near = did_you_mean(name, known) or f" Stacks here: {', '.join(known)}."
        return _refused(document, f"{_FILE.format(name)} does not exist.{near}")
    if EXTENDS in base.config:
        return _refused(document, f"{_FILE.format(name)} extends another: one level is allowed.")
    config, origins = merged(document.config, base.config)
    spelled = {at: base.spelled[there] for at, there in origins.items() if there in base.spelled}
    lines = {**document.lines, **{at: document.line((EXTENDS,)) for at in origins}}
    problems = [*document.problems, *_of_base(base, name, document.line((EXTENDS,)))]
    return replace(
        document,
        config=config,
        lines=lines,
        problems=problems,
        spelled={**document.spelled, **spelled},
        inherited={
            at: f"{_FILE.format(name)}, line {base.line(there)}" for at, there in origins.items()
        },
    )


def _refused(document: StackDocument, why: str) -> StackDocument:
    problem = Problem(EXTENDS, why, document.line((EXTENDS,)), NOT_EXTENDED)
    config = {key: value for key, value in document.config.items() if key != EXTENDS}
    return replace(document, config=config, problems=[*document.problems, problem])


def _of_base(base: StackDocument, name: str, line: int) -> Iterator[Problem]:
    where = _FILE.format(name)
    for each in base.problems:
        yield replace(each, message=f"{each.message} ({where}, line {each.line})", line=line)
    for location in _sealed(base.config, ()):
        yield Problem(
            path_text(location),
            f"is encrypted for another stack ({where}, line {base.line(location)}). Encrypt it in"
            " this file (`aml config set --secret --path`), and remove it there.",
            line,
        )


def _sealed(value: object, at: Location) -> Iterator[Location]:
    match value:
        case Sealed():
            yield at
        case dict():
            for key, each in value.items():
                yield from _sealed(each, (*at, key))
        case list():
            for index, each in enumerate(value):
                yield from _sealed(each, (*at, index))


def merged_text(file: Path) -> str:
    """Return a stack file with all that it inherits, as YAML; secrets stay encrypted."""
    document = read_stack_document(file)
    root = plain(read_text(file))
    parts = root if isinstance(root, dict) else {}
    known = {key: parts[key] for key in sorted(KEYS_OF_SECRETS) if key in parts}
    shown = {**known, "config": _writable(dict(document.config))}
    text = yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return str(text)


def _writable(value: object) -> object:
    match value:
        case Sealed():
            return {"secure": value.ciphertext}
        case dict():
            return {key: _writable(each) for key, each in value.items()}
        case list():
            return [_writable(each) for each in value]
    return value
