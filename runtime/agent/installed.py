"""Reports which packages the script's environment has, as the lock of the run.

On a cluster the service builds the environment, and nobody else learns which versions it chose.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from runtime.agent.documents import JsonObject
from runtime.agent.files import open_to_append

FILE = "logs/azureml/aml_environment.lock"
PROPERTY = "aml.environment.lock"
BUILT = "aml-lock.txt"
"""The lock in an environment that the cache of environments built."""
_INFO = re.compile(r"(.+?)-([^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info")


def report_installed(append: Callable[[str, JsonObject], None], file: Path, prefix: Path) -> None:
    """Write the lock of the environment at ``prefix`` to ``file``, and append its digest.

    One that was built with a lock has it; of any other, this interpreter tells what it has.
    """
    built = prefix / BUILT
    text = built.read_text(encoding="utf-8") if built.exists() else installed_lock()
    with os.fdopen(open_to_append(file), "w", encoding="utf-8") as sink:
        sink.truncate(0)  # from a run that was preempted
        sink.write(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    append("property", {"key": PROPERTY, "value": digest})


def installed_lock(prefix: str = sys.prefix) -> str:
    """Return the lock: a conda document if conda made the environment, else a requirements file."""
    version = ".".join(map(str, sys.version_info[:3]))
    conda = sorted(conda_packages(Path(prefix) / "conda-meta"))
    found = sorted(set(pins(conda, filter(None, sys.path))))
    head = [
        "# aml lock 1",
        f"# python: {version}",
        f"# platform: {sys.platform} {platform.machine()}",
        f"# tool: {'conda' if conda else 'uv'}",
    ]
    return "\n".join([*head, *(conda_document(conda, found) if conda else found)]) + "\n"


def conda_document(conda: list[tuple[str, str]], pip: list[str]) -> list[str]:
    """Return the lines of a conda document with exact builds and versions."""
    channels = sorted({channel for _, channel in conda if channel})
    packages = ["dependencies:", *(f"  - {package}" for package, _ in conda)]
    listed = ["  - pip:", *(f"      - {pin}" for pin in pip)] if pip else []
    return ["channels:", *(f"  - {channel}" for channel in channels), *packages, *listed]


def conda_packages(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield conda's packages, as exact specifications, and their channels."""
    for record in folder.glob("*.json"):
        try:
            found = json.loads(record.read_text(encoding="utf-8"))
            yield "{name}={version}={build}".format(**found), _channel(str(found["channel"]))
        except (OSError, ValueError, KeyError):
            continue


def _channel(channel: str) -> str:
    """Return the name of a channel from its URL, which may have a token."""
    parts = [part for part in urlsplit(channel).path.split("/") if part]
    if parts and re.fullmatch(r"noarch|(linux|osx|win)-\w+", parts[-1]):
        parts.pop()
    return parts[-1] if parts else ""


def pins(conda: list[tuple[str, str]], folders: Iterable[str]) -> Iterator[str]:
    """Yield the packages in ``folders`` that conda did not install, as exact requirements.

    ``importlib.metadata`` would do the same, but its import costs every run more than this does.
    """
    names = {_normalized(package.partition("=")[0]) for package, _ in conda}
    for folder in folders:
        for info in [*Path(folder).glob("*.dist-info"), *Path(folder).glob("*.egg-info")]:
            match = _INFO.fullmatch(info.name)
            name = _normalized(match[1]) if match else ""
            if match and name not in names and _read(info, "INSTALLER") != "conda":
                yield _url(info, name) or f"{name}=={match[2]}"


def _read(info: Path, name: str) -> str:
    try:
        return (info / name).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _url(info: Path, name: str) -> str:
    """Return the requirement of a package that was installed from an address."""
    try:
        origin = json.loads(_read(info, "direct_url.json") or "{}")
    except ValueError:
        return ""
    place = urlsplit(str(origin.get("url") or ""))
    if not place.hostname:
        return ""
    host = place.hostname + (f":{place.port}" if place.port else "")
    url = urlunsplit((place.scheme, host, place.path, "", ""))
    vcs = origin.get("vcs_info") or {}
    if vcs.get("commit_id"):
        return f"{name} @ {vcs.get('vcs', 'git')}+{url}@{vcs['commit_id']}"
    return f"{name} @ {url}"
