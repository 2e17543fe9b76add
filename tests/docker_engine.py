"""A docker engine to test with, and a base image made of this machine's own files: fixtures.

A test module that uses them has ``pytest_plugins = ("tests.docker_engine",)``, and the mark
``needs_docker``.
"""

import subprocess
import tarfile
import uuid
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from tests.missing_parts import missing

ROOTS = (
    "python3", "python3-distutils", "dash", "bash", "coreutils", "sed", "grep", "findutils", "tar",
    "ca-certificates", "libgomp1", "libstdc++6",
)  # fmt: skip
LEFT_OUT = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/gconv/")
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
SETTINGS = (
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    f"ENV PIP_CERT={BUNDLE} SSL_CERT_FILE={BUNDLE}",
)


@pytest.fixture(scope="session")
def docker_engine():
    """A client of the engine of this machine."""
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        missing(f"there is no docker engine: {error}")
    yield client
    client.close()


@pytest.fixture(scope="session")
def base_image(docker_engine, tmp_path_factory):
    """A small image with Python, made of the Debian packages of this machine; its name."""
    archive = tmp_path_factory.mktemp("image") / "base.tar"
    try:
        packed(archive)
    except (OSError, subprocess.CalledProcessError) as error:
        missing(f"no image can be made of this machine's packages: {error}")
    name = f"aml-test-base:{uuid.uuid4().hex[:12]}"
    argv = ["docker", "import", *(f"-c={each}" for each in SETTINGS), str(archive), name]
    subprocess.run(argv, check=True, capture_output=True)
    archive.unlink()
    yield name
    docker_engine.images.remove(name, force=True)


def packed(archive: Path) -> None:
    """Write the files of the packages that Python needs into a tar archive."""
    files = sorted({merged(path) for path in owned(closure()) if Path(path).exists()})
    with tarfile.open(archive, "w") as target:
        for name, to in LINKS.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, to
            target.addfile(link)
        temporary = tarfile.TarInfo("tmp")
        temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
        target.addfile(temporary)
        for path in (*files, "/etc/passwd", "/etc/group", BUNDLE, "/etc/ld.so.cache"):
            target.add(path, path.lstrip("/"), recursive=False)
        python = tarfile.TarInfo("usr/local/bin/python")
        python.type, python.linkname = tarfile.SYMTYPE, "/usr/bin/python3"
        target.addfile(python)


def merged(path: str) -> str:
    top = path.split("/")[1]
    return f"/usr{path}" if top in LINKS else path


def closure() -> set[str]:
    """Return the packages that ``ROOTS`` depend on, as dpkg lists them."""
    shown = subprocess.run(
        ["dpkg-query", "-W", "-f=${Package}\\t${Pre-Depends}, ${Depends}\\n"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    needs = {}
    for line in shown.splitlines():
        name, _, text = line.partition("\t")
        needs[name] = [
            each.split("|")[0].split("(")[0].split(":")[0].strip() for each in text.split(",")
        ]
    found, waiting = set(), list(ROOTS)
    while waiting:
        name = waiting.pop()
        if name in needs and name not in found:
            found.add(name)
            waiting += needs[name]
    return found


def owned(packages: set[str]) -> list[str]:
    listed = subprocess.run(
        ["dpkg", "-L", *sorted(packages)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [
        path
        for path in listed
        if path.startswith("/") and path != "/." and not any(part in path for part in LEFT_OUT)
        and path.split("/")[1] in {*LINKS, "usr", "etc"}
        and path.count("/") > 1
    ]  # fmt: skip
