"""Reads the run configurations of Azure ML Workbench (2017) as documents of azureml-core's form.

A run configuration names a target; `TARGET.compute` beside it says what that is, and two shared
files say what is installed. The mapping is the one of azureml-core's own loader, and what
Workbench's documentation says where that loader drops a key.
"""

from pathlib import Path
from typing import Final

from infra.contract.json_types import JsonObject
from runtime.definitions.finding import FOLDERS, listed, named_file
from runtime.definitions.located import Located
from runtime.definitions.problems import Place, Problems, did_you_mean
from runtime.definitions.reading import read_file
from runtime.definitions.settings import SHARE_VARIABLE
from runtime.definitions.shapes import Key, Keys, Read, ShapeReader
from runtime.definitions.workbench_keys import COMPUTE, SPARK_DEPENDENCIES, WORKBENCH

_LOCAL: Final = "local"
_HERE: Final = frozenset({"local", "docker", "localdocker"})
"""The types of target that are this machine."""
_CONTAINERS: Final = frozenset(
    {"docker", "localdocker", "remotedocker", "amlcompute", "containerinstance"}
)
_MADE_FOR_THE_RUN: Final = "containerinstance"
_SHARE_IN_CONTAINER: Final = "/azureml-share/"
_SCRIPT_PLACE: Final = "$file"
_CONDA_FILE: Final = "aml_config/conda_dependencies.yml"
_SPARK_FILE: Final = "aml_config/spark_dependencies.yml"

_MOVED: Final[dict[str, Keys]] = {
    "environmentVariables": ("environment", "environmentVariables"),
    "trackedRun": ("history", "outputCollection"),
}
"""A key of a `.runconfig` file → its place in the canonical document."""
_MOVED_FROM_COMPUTE: Final[dict[str, Keys]] = {
    "baseDockerImage": ("environment", "docker", "baseImage"),
    "sharedVolumes": ("environment", "docker", "sharedVolumes"),
    "nvidiaDocker": ("environment", "docker", "gpuSupport"),
    "pythonLocation": ("environment", "python", "interpreterPath"),
    "yarnDeployMode": ("hdi", "yarnDeployMode"),
    "nodeCount": ("nodeCount",),
    "priority": ("priority",),
}


def canonical(root: Located, file: Path, project: Path, problems: Problems) -> Read:
    """Return a Workbench run configuration as azureml-core's document."""
    own = ShapeReader(WORKBENCH, file, problems).document(root)
    return _Conversion(own, file, project, problems).all()


def compute_places(target: str, file: Path, project: Path) -> list[Path]:
    """Return where the `.compute` file of a target is looked for."""
    folders = dict.fromkeys([file.parent, *(project / each for each in FOLDERS)])
    return [folder / f"{target}.compute" for folder in folders]


class _Conversion:
    """One run configuration, while its document is made."""

    def __init__(self, own: Read, file: Path, project: Path, problems: Problems) -> None:
        self._own = own
        self._file = file
        self._project = project
        self._problems = problems
        self._made = Read()
        self._compute = Read()
        self._type = _LOCAL

    def all(self) -> Read:
        self._script()
        self._target()
        for source, moves in ((self._own, _MOVED), (self._compute, _MOVED_FROM_COMPUTE)):
            for key, path in moves.items():
                if source.values.get(key) is not None:
                    self._made.set(path, source.values[key], source.place(key))
        self._framework()
        self._python()
        self._container()
        self._share()
        self._spark()
        return self._made

    def _script(self) -> None:
        if "argumentVector" not in self._own.values:
            return
        words, at = self._own.values["argumentVector"], self._own.place("argumentVector")
        if not words:
            self._problems.add(
                "`ArgumentVector` is empty.",
                remedy='Write the script and its arguments: `["train.py", "--rate", "0.1"]`.',
                at=at,
            )
            return
        if words[0] != _SCRIPT_PLACE:
            self._made.set(("script",), words[0], self._own.place("argumentVector", 0))
        self._made.set(("arguments",), words[1:], at)

    def _target(self) -> None:
        name, at = self._own.values.get("target") or _LOCAL, self._own.place("target")
        found = self._compute_file(name)
        if found is not None:
            self._compute = _read(found, COMPUTE, self._problems)
            self._type = str(self._compute.values.get("type") or _LOCAL)
        target = _LOCAL if self._type in _HERE else name
        if self._type == _MADE_FOR_THE_RUN:
            target = _MADE_FOR_THE_RUN
        self._made.set(("target",), target, at)

    def _compute_file(self, name: str) -> Path | None:
        places = compute_places(name, self._file, self._project)
        found = next((place for place in places if place.is_file()), None)
        if found is None and name != _LOCAL:
            others = sorted({f.stem for place in places for f in place.parent.glob("*.compute")})
            near = did_you_mean(name, others)
            self._problems.add(
                f"The target {name!r} has no compute file: looked for {listed(places)}.",
                remedy=near or f"Targets with one: {', '.join(others) or 'none'}.",
                at=self._own.place("target"),
            )
        return found

    def _framework(self) -> None:
        # Workbench's default is PySpark, which it refuses on a local target.
        default = "Python" if self._type == _LOCAL else "PySpark"
        framework = self._own.values.get("framework") or default
        self._made.set(("framework",), framework, self._own.place("framework"))

    def _python(self) -> None:
        managed = self._own.values.get("managedEnvironment")
        user_managed = self._compute.values.get("userManagedEnvironment")
        if user_managed is None and managed is not None:
            user_managed = not managed
        conda = self._named("condaDependenciesFile", _CONDA_FILE)
        if user_managed is None and self._type == _LOCAL:
            # Packages of a local target are the user's business, as in Workbench.
            user_managed = True
            if conda:
                self._made.notes.append(
                    f"{self._own.place('condaDependenciesFile') or self._file}: {conda} is not"
                    " installed: a local target uses the Python that is there. Set"
                    " `userManagedEnvironment: false` in its .compute file to install it."
                )
        at = self._compute.place("userManagedEnvironment") or self._own.place("target")
        self._made.set(("environment", "python", "userManagedDependencies"), bool(user_managed), at)
        if conda and not user_managed:
            place = self._own.place("condaDependenciesFile")
            self._made.set(("environment", "python", "condaDependenciesFile"), conda, place)

    def _named(self, key: str, default: str) -> str | None:
        """Return the file a key names; without one, the default file if it is there."""
        named = self._own.values.get(key)
        if named:
            return str(named)
        return default if (self._project / default).is_file() else None

    def _container(self) -> None:
        if self._type not in _CONTAINERS:
            return
        at = self._compute.place("type")
        self._made.set(("environment", "docker", "enabled"), value=True, place=at)
        prepares = bool(self._own.values.get("prepareEnvironment"))
        place = self._own.place("prepareEnvironment") or at
        self._made.set(("autoPrepareEnvironment",), prepares, place)

    def _share(self) -> None:
        if self._type not in _HERE | {"remotedocker"}:
            return
        folder = self._compute.values.get("nativeSharedDirectory")
        if not folder:
            return
        at = self._compute.place("nativeSharedDirectory")
        # Scripts append a file's name to it as it is.
        shown = str(Path(folder).expanduser()).rstrip("/") + "/"
        if self._type in _CONTAINERS:
            if not self._compute.values.get("sharedVolumes"):
                return
            shown = _SHARE_IN_CONTAINER
        if self._type in _HERE & _CONTAINERS:
            # Who starts the container expands a `~`.
            volume = f"{str(folder).rstrip('/')}:{_SHARE_IN_CONTAINER.rstrip('/')}"
            self._made.set(("environment", "docker", "arguments"), ["-v", volume], at)
        variables: JsonObject = {
            SHARE_VARIABLE: shown,
            **(self._own.values.get("environmentVariables") or {}),
        }
        self._made.set(("environment", "environmentVariables"), variables, at)

    def _spark(self) -> None:
        named = self._named("sparkDependenciesFile", _SPARK_FILE)
        if named is None:
            return
        found = named_file(
            named,
            self._file,
            self._project,
            key="SparkDependenciesFile",
            at=self._own.place("sparkDependenciesFile"),
            problems=self._problems,
        )
        if found is None:
            return
        spark = _read(found, SPARK_DEPENDENCIES, self._problems)
        for key, path in (
            ("configuration", ("spark", "configuration")),
            ("repositories", ("environment", "spark", "repositories")),
            ("packages", ("environment", "spark", "packages")),
        ):
            if spark.values.get(key) is not None:
                self._made.set(path, spark.values[key], spark.place(key))


def _read(file: Path, table: tuple[Key, ...], problems: Problems) -> Read:
    """Return what a file of mappings holds; an empty file holds nothing."""
    root = read_file(file, problems)
    if root is None or root.is_null:
        return Read()
    if root.is_map:
        return ShapeReader(table, file, problems).document(root)
    problems.add(
        "The file is not a mapping.",
        remedy=f"Write `{table[0].name}: …`.",
        at=Place(str(file), root.line),
    )
    return Read()
