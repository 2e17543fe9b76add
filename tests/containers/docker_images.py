"""A small image of this machine's own Python, made without a registry: the base of what tests run.

Its files are those of Debian packages that are installed here, so it needs neither a mirror nor
root in a chroot, and takes seconds once; later sessions find it by the versions of the packages.
"""

import fcntl
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import docker
import pytest
from docker.errors import DockerException, ImageNotFound

ROOTS: Final = (
    "python3", "dash", "bash", "coreutils", "sed", "grep", "findutils", "tar", "ca-certificates",
    "libgomp1", "libstdc++6",
)  # fmt: skip
REPOSITORY: Final = "aml-test-base"
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CERTIFICATES: Final = "/etc/ssl/certs/ca-certificates.crt"
_LEFT_OUT: Final = ("/usr/share/doc", "/usr/share/man", "/usr/share/locale", "/usr/share/info")
_LEFT_OUT_PARTS: Final = ("/gconv/",)
_USERS: Final = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/nonexistent:/bin/sh\n"
_GROUPS: Final = "root:x:0:\nnogroup:x:65534:\n"
_LINKS: Final = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}


def require_engine() -> "docker.DockerClient":
    """Return a client of the engine; without one, skip by name, or fail where ``CI`` is set."""
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        reason = f"no docker engine answers here: {error}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return client


def base_image(*extra: str) -> str:
    """Return the name of the image, which is made if it is not there.

    ``extra`` are further packages of Debian that are installed on this machine.
    """
    client = require_engine()
    packages = _closure([*ROOTS, *extra])
    identity = "\n".join([*packages, _source_text()])
    name = f"{REPOSITORY}:{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
    lock = Path(tempfile.gettempdir()) / f"{REPOSITORY}.{os.getuid()}.lock"
    with lock.open("a") as held:  # several workers of the tests want it at once
        fcntl.flock(held, fcntl.LOCK_EX)
        try:
            client.images.get(name)
        except ImageNotFound:
            _make(name, sorted(package.partition(" ")[0] for package in packages))
        finally:
            client.close()
    return name


def _source_text() -> str:
    return Path(__file__).read_text(encoding="utf-8")


def _closure(roots: Sequence[str]) -> list[str]:
    """Return ``name version`` of the packages and all that they depend on, as installed here."""
    query = "${Package}\t${Version}\t${Provides}\t${Pre-Depends}, ${Depends}\n"
    rows = [line.split("\t") for line in _output("dpkg-query", "-W", "-f", query).splitlines()]
    installed = {row[0]: row for row in rows}
    for name, _, provides, _ in rows:
        for each in _names(provides):
            installed.setdefault(each, installed[name])
    found: dict[str, str] = {}
    waiting = [name for name in roots if name in installed]
    while waiting:
        name, version, _, depends = installed[waiting.pop()]
        if name not in found:
            found[name] = version
            waiting += [each for each in _names(depends) if each in installed]
    return sorted(f"{name} {version}" for name, version in found.items())


def _names(field: str) -> Iterator[str]:
    for alternative in field.replace("|", ",").split(","):
        words = alternative.split()
        if words:
            yield words[0].partition(":")[0]


def _make(name: str, packages: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="aml-image-") as scratch:
        files = sorted(set(_files(packages)))
        own = Path(scratch) / "own"
        for path, text in {"etc/passwd": _USERS, "etc/group": _GROUPS}.items():
            file = own / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        for folder in ("tmp", "root", "var/tmp"):
            (own / folder).mkdir(parents=True, exist_ok=True)
        for folder in ("tmp", "var/tmp"):
            (own / folder).chmod(0o1777)
        for link, to in _LINKS.items():
            (own / link).symlink_to(to)
        python = own / "usr/local/bin/python"  # Debian has `python3` only; images have both
        python.parent.mkdir(parents=True)
        python.symlink_to("/usr/bin/python3")
        listing = Path(scratch) / "listing"
        listing.write_text("".join(f".{path}\n" for path in files), encoding="utf-8")
        archive = Path(scratch) / "image.tar"
        _output("tar", "-cf", str(archive), "--no-recursion", "-C", "/", "-T", str(listing))
        made = (path.relative_to(own).as_posix() for path in own.rglob("*"))
        entries = sorted(path for path in made if f"/{path}" not in files)
        owned = ["--no-recursion", "--owner=0", "--group=0", "-C", str(own)]
        _output("tar", "-rf", str(archive), *owned, *entries)
        changes = [f"ENV PATH={PATH}", f"ENV SSL_CERT_FILE={CERTIFICATES}"]
        changes += [f"ENV PIP_CERT={CERTIFICATES}", f"ENV REQUESTS_CA_BUNDLE={CERTIFICATES}"]
        options = [word for change in changes for word in ("--change", change)]
        _output("docker", "import", *options, str(archive), name)


def _files(packages: Sequence[str]) -> Iterator[str]:
    for line in _output("dpkg", "-L", *packages).splitlines():
        path = _merged(line)
        left_out = path.startswith(_LEFT_OUT) or any(part in path for part in _LEFT_OUT_PARTS)
        named = path.startswith("/") and path != "/." and path.lstrip("/") not in _LINKS
        if named and not left_out and os.path.lexists(path):
            yield path
    for path in (CERTIFICATES, "/etc/ld.so.cache"):
        if Path(path).exists():
            yield path
    for path in ("/usr/bin/python3", "/usr/bin/sh", "/usr/bin/awk"):
        if os.path.lexists(path):
            yield path


def _merged(path: str) -> str:
    """Return where a file is when /bin, /lib and their like are links into /usr."""
    top = path.split("/")[1] if path.startswith("/") else ""
    return f"/usr{path}" if top in _LINKS else path


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and command[0] != "tar":
        raise AssertionError(f"{command[0]}: {done.stderr[-500:]}")
    return done.stdout
