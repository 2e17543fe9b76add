"""Resolved locks: the exact versions that a build installed, with hashes. Pure.

The text of a lock is what installers read: a requirements file of uv, or a conda document with
exact builds. Its first lines say, as comments, for which environment and Python it is.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from runtime.environments.azureml_packages import normalized, requirement_name
from runtime.model.redaction import MASK, redacted

FORMAT: Final = "# aml lock 1"
# Compiled by `re` when they are used: a command that finds a built environment needs few of them.
_FACT: Final = r"# (environment|python|platform|tool): (.*)"
_PIN: Final = r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*(?:==+\s*([^\s;\\]+)|@\s*(\S+))"
_CONDA_PIN: Final = r"- ([A-Za-z0-9_][\w.-]*)=([^=\s]+)=(\S+)"


@dataclass(frozen=True, slots=True)
class ResolvedLock:
    """A lock. ``text`` has no credentials: a URL that needs one has a mask in its place."""

    text: str

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def facts(self) -> Mapping[str, str]:
        """Return what the comments say: environment, python, platform, tool."""
        matches = (re.fullmatch(_FACT, line) for line in self.text.splitlines())
        return {match[1]: match[2] for match in matches if match}

    @property
    def python(self) -> str:
        """Return the exact version of Python."""
        return self.facts.get("python", "")

    @property
    def is_conda(self) -> bool:
        """Whether it is a conda document."""
        return self.facts.get("tool", "uv") != "uv"

    @property
    def body(self) -> str:
        """Return the lock without its comments."""
        lines = self.text.splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith("#"))

    @property
    def versions(self) -> Mapping[str, str]:
        """Return the version (or URL, or conda's version and build) of each package."""
        return {normalized(name): version for name, version in _versions(self.text)}


def resolved_lock(
    body: str, *, environment: str, python: str, platform: str, tool: str = "uv"
) -> ResolvedLock:
    """Return the lock of what was installed."""
    facts = {"environment": environment, "python": python, "platform": platform, "tool": tool}
    head = "\n".join([FORMAT, *(f"# {key}: {value}" for key, value in facts.items())])
    return ResolvedLock(f"{head}\n{redacted(body).strip()}\n")


def locked_lines(lock: ResolvedLock, declared: Iterable[str]) -> tuple[str, ...]:
    """Return the requirement lines that install what is locked, one a package.

    The options among the ``declared`` lines come first. A URL whose credentials the lock does not
    keep is the declared one.
    """
    return locked_pins(re.sub(r"\\\n\s*", "", lock.body).splitlines(), declared)


def locked_pins(pins: Iterable[str], declared: Iterable[str]) -> tuple[str, ...]:
    """Return exact requirements after the options of the declared ones, as ``locked_lines``."""
    declared = tuple(declared)
    options = [line for line in declared if line.startswith("-")]
    urls = {requirement_name(line)[0]: line for line in declared if "://" in line}
    return (*options, *(_with_credentials(pin, urls) for pin in pins if pin.strip()))


def without_credentials(lock: ResolvedLock, declared: Iterable[str]) -> tuple[str, ...]:
    """Return the locked lines that cannot be installed, as no declared one has the credentials."""
    if lock.is_conda:
        listed = (line.strip() for line in lock.body.splitlines())
        pins = locked_pins((each[2:] for each in listed if each.startswith("- ")), declared)
    else:
        pins = locked_lines(lock, declared)
    return tuple(line for line in pins if MASK in line)


def changes(before: ResolvedLock, after: ResolvedLock) -> tuple[str, ...]:
    """Return what differs between two locks, a package each: ``six 1.15.0 → 1.16.0``."""
    old = {"Python": before.python, **before.versions}
    new = {"Python": after.python, **after.versions}
    return tuple(
        f"{name} {old.get(name, '(none)')} → {new.get(name, '(none)')}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )


def _with_credentials(pin: str, urls: Mapping[str, str]) -> str:
    return urls.get(requirement_name(pin)[0], pin) if MASK in pin else pin


def _versions(text: str) -> Iterable[tuple[str, str]]:
    for line in text.splitlines():
        bare = line.strip()
        conda = re.match(_CONDA_PIN, bare)
        if conda:
            yield conda[1], f"{conda[2]}={conda[3]}"
            continue
        match = re.match(_PIN, bare.removeprefix("- "))
        if match and not line.startswith("#"):
            yield match[1], match[2] or match[3]
