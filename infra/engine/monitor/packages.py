"""The packages that a program registers: which plugin provides one, and what makes it that package.

A parameterized package is made from another one's plugin, with a value that only this understands;
an extension is one that such a plugin serves beside its own.
"""

import base64
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from infra.contract.errors import UsageError
from infra.contract.json_types import Document


@dataclass(frozen=True, slots=True)
class Package:
    """What a request says of its package. ``internal`` is the part that only state knows.

    An ``extension`` (its name, version and value in base64) is learnt by the provider of ``base``.
    """

    version: str = ""
    download_url: str = ""
    internal: Document = field(default_factory=dict)
    base: str = ""
    extension: Mapping[str, str] = field(default_factory=dict)


class Packages:
    """The packages of one run, by the reference that requests have. Safe from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._references: dict[bytes, str] = {}
        self._packages: dict[str, Package] = {}

    def add(self, request: Any) -> str:
        """Return the reference of one ``RegisterPackage``: the same for the same request."""
        package = Package(request.version, request.download_url)
        if request.HasField("extension"):
            package = replace(package, base=request.name, extension=_extension(request.extension))
        if request.HasField("parameterization"):
            parameter = request.parameterization
            internal = {
                "name": request.name,
                "parameterization": base64.b64encode(parameter.value).decode(),
                "version": request.version,
            }
            package = Package(parameter.version, request.download_url, internal)
        with self._lock:
            key = request.SerializeToString(deterministic=True)
            reference = self._references.setdefault(key, str(uuid.uuid4()))
            self._packages[reference] = package
            return reference

    def of(self, request: Any) -> Package:
        """Return the package of a resource, a function or a method."""
        reference = request.packageRef
        if not reference:
            return Package(request.version, request.pluginDownloadURL)
        with self._lock:
            found = self._packages.get(reference)
        if found is None:
            raise UsageError(
                f"The package {reference!r} is not registered.",
                remedy="Register it first; generated packages do that by themselves.",
            )
        return found


def _extension(given: Any) -> Mapping[str, str]:
    value = base64.b64encode(given.value).decode()
    return {"name": given.name, "version": given.version, "value": value}


def internal_of(package: Package, mappings: Mapping[str, str]) -> Document:
    """Return what state has of a provider besides its configuration."""
    return {**package.internal, **({"envVarMappings": dict(mappings)} if mappings else {})}
