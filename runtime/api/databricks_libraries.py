"""The libraries of a run on Databricks, as azureml-core names them."""

from collections.abc import Sequence

from runtime.api.exceptions import UserErrorException

__all__ = ["EggLibrary", "JarLibrary", "MavenLibrary", "PyPiLibrary", "RCranLibrary"]


def _refuse(kind: str, name: str, value: object) -> None:
    if value:
        raise UserErrorException(
            f"{kind} has {name}={value!r}: libraries come from where the workspace has them.",
            remedy="Leave it out, and set the repository for the Databricks workspace.",
        )


class MavenLibrary:
    """A package of Maven, by its coordinates: ``group:artifact:version``."""

    def __init__(
        self,
        coordinates: str | None = None,
        repo: str | None = None,
        exclusions: Sequence[str] | None = None,
    ) -> None:
        _refuse("MavenLibrary", "repo", repo)
        _refuse("MavenLibrary", "exclusions", exclusions)
        self.coordinates = coordinates


class PyPiLibrary:
    """A package of PyPI, as pip takes it."""

    def __init__(self, package: str | None = None, repo: str | None = None) -> None:
        _refuse("PyPiLibrary", "repo", repo)
        self.package = package


class RCranLibrary:
    """A package of R."""

    def __init__(self, package: str | None = None, repo: str | None = None) -> None:
        _refuse("RCranLibrary", "repo", repo)
        self.package = package


class JarLibrary:
    """A jar: its path in DBFS, a volume or the source folder."""

    def __init__(self, library: str | None = None) -> None:
        self.library = library


class EggLibrary:
    """An egg: its path in DBFS. Recent runtimes take none."""

    def __init__(self, library: str | None = None) -> None:
        self.library = library
