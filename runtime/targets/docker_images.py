"""The images of runs: there already, pulled, or built from a Dockerfile; and what is in one."""

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Final

from docker.errors import APIError, ImageNotFound, NotFound
from docker.utils import parse_repository_tag
from docker.utils.build import PatternMatcher

from infra.contract.errors import DefinitionError, EnvironmentBuildError
from infra.contract.json_types import Document
from infra.contract.private import private_file, private_folder
from runtime.environments.images import BuildContext, build_context, image_name
from runtime.environments.pythons import Version
from runtime.model.environments import DEFAULT_IMAGE, ImageSpec, Registry
from runtime.targets.docker_engine import Client, asking
from runtime.targets.places import StoppedError
from runtime.targets.references import secret_of

BUILT: Final = "aml-image"
"""The repository of images built from a Dockerfile; the tag is the hash of its context."""
EARLIEST: Final = (3, 8)
"""The earliest Python that runs the agent."""
BASE_VARIABLE: Final = "AML_DOCKER_BASE_IMAGE"
_IGNORE_FILE: Final = ".dockerignore"
_LAST_LINES: Final = 15
_PROBE: Final = """
for name in "$@" python python3 /opt/miniconda/bin/python /opt/conda/bin/python \
    /usr/local/bin/python3 /usr/bin/python3; do
  found=$(command -v "$name") || continue
  version=$("$found" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])') || continue
  echo "python $name $found $version"
done
for name in micromamba mamba conda /opt/miniconda/bin/conda /opt/conda/bin/conda; do
  found=$(command -v "$name") && echo "conda $found" && break
done
echo "user $(id -u) $(id -g)"
"""
Log = Callable[[str], None]
"""Receives one line of a pull or a build."""


@dataclass(frozen=True, slots=True)
class ImagePython:
    """A Python of an image; ``name`` is what was looked for."""

    name: str
    path: str
    version: Version


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a run needs to know of an image; ``owner`` is the user and group id of its processes."""

    pythons: tuple[ImagePython, ...]
    conda: str
    owner: tuple[int, int]

    @property
    def agent(self) -> str | None:
        """Return the Python that runs the agent, ``None`` without one that can."""
        return next((each.path for each in self.pythons if each.version >= EARLIEST), None)


class Images:
    """The images of one engine. ``stop`` is set when the run that waits for them is canceled."""

    def __init__(self, client: Client, host: str, home: Path, log: Log, stop: Event) -> None:
        self._client = client
        self._host = host
        self._kept = home / "docker" / "images"
        self._log = log
        self._stop = stop

    def there(self, name: str) -> bool:
        """Return whether the engine has an image."""
        with asking(self._host):
            try:
                self._client.images.get(name)
            except ImageNotFound:
                return False
        return True

    def base(self, image: ImageSpec, at: str | None) -> str:
        """Return the name of an image, which is pulled or built if it is not there."""
        name = base_name(image)
        if self.there(name):
            return name
        context = build_context(image, None)
        if context is None:
            self._pull(name, image, at)
        else:
            self._build(name, context, image, at)
        return name

    def facts(self, name: str, user: str, *pythons: str) -> ImageFacts:
        """Return what is in an image, asked of a container of it once.

        ``user`` is who its processes are, ``""`` for whom the image says; ``pythons`` are looked
        for first. Raises ``DefinitionError`` for an image without a shell.
        """
        with asking(self._host):
            found = self._client.images.get(name)
            key = json.dumps([found.id, user, pythons, _PROBE])
        file = self._kept / f"{sha256(key.encode()).hexdigest()[:32]}.json"
        with suppress(OSError, ValueError, KeyError, TypeError):
            return _facts_of(json.loads(file.read_text(encoding="utf-8")))
        facts = self._asked(name, user, pythons)
        private_folder(file.parent)
        private_file(file).write_text(json.dumps(asdict(facts)), encoding="utf-8")
        return facts

    def variables(self, name: str) -> dict[str, str]:
        """Return the variables that an image sets."""
        with asking(self._host):
            configured = self._client.images.get(name).attrs["Config"].get("Env") or ()
        return dict(each.partition("=")[::2] for each in configured)

    def user(self, name: str) -> str:
        """Return who the processes of an image are, ``""`` for root."""
        with asking(self._host):
            return str(self._client.images.get(name).attrs["Config"].get("User") or "")

    def _asked(self, name: str, user: str, pythons: Sequence[str]) -> ImageFacts:
        with asking(self._host):
            container = self._client.containers.create(
                name,
                ["-c", _PROBE, "probe", *pythons],
                entrypoint=["sh"],
                user=user or None,
                network_mode="none",
                labels={"aml.probe": name},
            )
            try:
                container.start()
                container.wait()
                said = container.logs(stdout=True, stderr=False).decode(errors="replace")
            except APIError as error:
                raise DefinitionError(
                    f"The image {name} has no shell, which a run needs: {error.explanation}",
                    remedy="Choose an image with `sh` and Python 3.8 or later.",
                ) from error
            finally:
                container.remove(force=True)
        return _read_facts(said)

    def _pull(self, name: str, image: ImageSpec, at: str | None) -> None:
        repository, tag = parse_repository_tag(name)
        self._log(f"Pulling {name}")
        with asking(self._host):
            try:
                steps = self._client.api.pull(
                    repository,
                    tag=tag or "latest",
                    stream=True,
                    decode=True,
                    auth_config=_credentials(image.registry),
                )
                problem = self._watched(steps)
            except (NotFound, APIError) as error:
                problem = str(error.explanation or error)
        if problem:
            raise DefinitionError(
                f"The image {name} cannot be pulled: {' '.join(problem.split())}",
                remedy=_how_to_pull(name, image.registry),
                at=at,
            )

    def _build(self, name: str, context: BuildContext, image: ImageSpec, at: str | None) -> None:
        self._log(f"Building {name} from {at or 'its Dockerfile'}")
        registry = image.registry
        with asking(self._host):
            credentials = _credentials(registry)
            if registry is not None and credentials is not None:
                self._client.login(**credentials, registry=registry.address)
            steps = self._client.api.build(
                fileobj=io.BytesIO(_archive(context)),
                custom_context=True,
                dockerfile=context.dockerfile,
                tag=name,
                labels={"aml.image": name.partition(":")[2]},
                rm=True,
                forcerm=True,
                decode=True,
            )
            problem = self._watched(steps)
        if problem:
            raise EnvironmentBuildError(
                f"The image cannot be built: {problem}",
                remedy="Fix the Dockerfile; the run's build log has the full output.",
                at=at,
            )

    def _watched(self, steps: Iterator[Document]) -> str:
        """Log what happens; return what failed, ``""`` if nothing did."""
        for step in steps:
            if self._stop.is_set():
                raise StoppedError
            if step.get("error"):
                return str(step["error"])
            for line in _lines(step):
                self._log(line)
        return ""


def base_name(image: ImageSpec) -> str:
    """Return the name of an image that packages are installed into, or that runs as it is."""
    context = build_context(image, None)
    return f"{BUILT}:{context.digest}" if context else image_name(image)


def _credentials(registry: Registry | None) -> dict[str, str] | None:
    if registry is None or not registry.username:
        return None
    return {"username": registry.username, "password": secret_of(registry.password or "")}


def _how_to_pull(name: str, registry: Registry | None) -> str:
    if name == DEFAULT_IMAGE:
        return (
            "It is the image of runs that name none. Name one that the engine has or can pull"
            f" (`baseImage`, `image`), or set {BASE_VARIABLE} to its name."
        )
    if registry is not None and registry.username:
        return "Check the image's name, and the username and password of its registry."
    return "Check its name; for a private registry, give `baseImageRegistry`, or `docker login`."


def _archive(context: BuildContext) -> bytes:
    """Return a build context without what its ``.dockerignore`` names."""
    ignored = context.files.get(_IGNORE_FILE)
    text = ignored.read_text("utf-8") if isinstance(ignored, Path) else (ignored or b"").decode()
    lines = [line.strip() for line in text.splitlines()]
    patterns = [line for line in lines if line and not line.startswith("#")]
    matcher = PatternMatcher(patterns)
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name, content in sorted(context.files.items()):
            if patterns and name != context.dockerfile and matcher.matches(name):
                continue
            if isinstance(content, Path):
                archive.add(content, name)
                continue
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return sink.getvalue()


def _lines(step: Document) -> Iterator[str]:
    """Yield what a step of a pull or a build says; its progress bars are left out."""
    if step.get("progressDetail"):
        return
    text = str(step.get("stream") or step.get("status") or "")
    layer = f"{step['id']}: " if step.get("id") and step.get("status") else ""
    yield from (f"{layer}{line}" for line in text.splitlines() if line.strip())


def _read_facts(said: str) -> ImageFacts:
    rows = [line.split() for line in said.splitlines()]
    pythons = tuple(
        ImagePython(row[1], row[2], tuple(map(int, row[3].split("."))))
        for row in rows
        if row[:1] == ["python"]
    )
    conda = next((row[1] for row in rows if row[:1] == ["conda"]), "")
    user = next((row for row in rows if row[:1] == ["user"]), ["user", "0", "0"])
    return ImageFacts(pythons, conda, (int(user[1]), int(user[2])))


def _facts_of(document: Document) -> ImageFacts:
    pythons = tuple(
        ImagePython(each["name"], each["path"], tuple(each["version"]))
        for each in document["pythons"]
    )
    first, second = document["owner"]
    return ImageFacts(pythons, document["conda"], (first, second))
