"""A package index of one's own: a folder of wheels made here, from which uv installs."""

import base64
import hashlib
import zipfile
from pathlib import Path


def add_wheel(
    index: Path, name: str, version: str, *, tag: str = "py3-none-any", needs: str = ""
) -> Path:
    """Write a wheel with one module, whose `__version__` is its version."""
    index.mkdir(parents=True, exist_ok=True)
    needed = f"Requires-Dist: {needs}\n" if needs else ""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"__version__ = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    rows = [f"{path},{_digest(text)},{len(text.encode())}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
    wheel = index / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def requirements(index: Path, *lines: str) -> str:
    """Return a requirements file whose only packages are those of the folder."""
    return "\n".join(["--no-index", f"--find-links {index.as_uri()}", *lines]) + "\n"


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
