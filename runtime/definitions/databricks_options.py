"""Reads the options of a run on Databricks, of a file's section ``databricks`` or a command line.

One table says which options there are, and what each may be.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject
from infra.contract.load import nearest
from runtime.definitions.keys import Meaning
from runtime.definitions.located import Located
from runtime.definitions.settings_given import read_settings, with_settings
from runtime.definitions.shapes import Key, Kind
from runtime.model.services import DatabricksLibraries, DatabricksOptions

FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "cluster_id": ("text", "A cluster that exists."),
    "node_type": ("text", "The nodes of a cluster made for the run. Default: Standard_D4ds_v5."),
    "driver_node_type": ("text", "The node of its driver. Default: as the others."),
    "instance_pool_id": ("text", "The pool that its nodes come from."),
    "spark_version": ("text", "Its runtime. Default: the newest with long-term support."),
    "num_workers": ("number", "Its workers. Default: none, a single node."),
    "min_workers": ("number", "Its fewest workers; it grows to `max_workers`."),
    "max_workers": ("number", "Its most workers."),
    "spot": ("flag", "Its workers are spot nodes, the driver is not."),
    "serverless": ("flag", "Serverless compute in place of a cluster."),
    "environment_version": ("text", "The version of serverless environments. Default: 4."),
    "spark_conf": ("map", "Spark's configuration."),
    "init_scripts": ("list", "Scripts of its nodes' start: paths in a volume or workspace."),
    "log_path": ("text", "Where it delivers its driver's log: in a volume, or `dbfs:/…`."),
    "volume": ("text", "A volume that keeps the run's files: /Volumes/CATALOG/SCHEMA/VOLUME."),
    "libraries": ("libraries", "What is installed beside the environment."),
    "notebook": ("text", "A notebook of the workspace, which runs in place of a script."),
    "python_file": ("text", "A file of the workspace, which runs in place of a script."),
    "arguments": ("list", "The arguments of `python_file`, or of a jar in `libraries`."),
    "parameters": ("map", "The widgets of a notebook."),
    "main_class": ("text", "The class of a jar."),
    "entry_point": ("text", "The entry point of a wheel. Default: the name of its package."),
    "run_name": ("text", "The run's name there. Default: its id."),
    "timeout_s": ("number", "How long Databricks lets the run take, in seconds."),
}
"""Option → its form and what it does."""
LIBRARIES: Final = {
    "maven": "Coordinates: group:artifact:version.",
    "pypi": "Packages as pip takes them.",
    "cran": "Packages of R.",
    "jars": "Jars: of the source folder, a volume or DBFS.",
    "wheels": "Wheels: as jars.",
    "eggs": "Eggs: as jars; recent runtimes take none.",
}
_SPOKEN: Final = {
    "text": "a text",
    "number": "a whole number, 0 or more",
    "flag": "true or false",
    "map": "a map of texts",
    "list": "a list of texts",
    "libraries": f"a map with {', '.join(LIBRARIES)}",
}

_REPOSITORY: Final = Key(
    "repo",
    text="libraries come from where the workspace has them.",
    meaning=Meaning.REFUSED,
    remedy="Remove it, and set the repository for the Databricks workspace.",
)

LIBRARY_KEYS: Final = (
    Key(
        "mavenLibraries",
        Kind.SECTIONS,
        "Packages of Maven.",
        keys=(
            Key("coordinates", text="`group:artifact:version`."),
            _REPOSITORY,
            Key("exclusions", Kind.FREE, "a package comes with what it needs.", Meaning.REFUSED),
        ),
    ),
    *(
        Key(
            name,
            Kind.SECTIONS,
            f"Packages of {where}.",
            keys=(Key("package", text="The package."), _REPOSITORY),
        )
        for name, where in (("pypiLibraries", "PyPI"), ("rcranLibraries", "R"))
    ),
    *(
        Key(name, Kind.SECTIONS, what, keys=(Key("library", text="Its path."),))
        for name, what in (("jarLibraries", "Jars."), ("eggLibraries", "Eggs."))
    ),
)
"""The keys of azureml-core's section `databricks` of an environment."""


@dataclass(frozen=True, slots=True)
class OptionProblem:
    """What is wrong with an option, and what to do."""

    name: str
    what: str
    remedy: str


def databricks_options(
    given: Mapping[str, object],
) -> tuple[DatabricksOptions, Sequence[OptionProblem]]:
    """Return the options that a map gives, and every problem in it."""
    problems: list[OptionProblem] = []
    values: JsonObject = {}
    for name, value in given.items():
        if name not in FIELDS:
            remedy = nearest(name, dict.fromkeys(FIELDS), noun="option of Databricks")
            problems.append(OptionProblem(name, f"There is no option {name!r}.", remedy))
        elif value is not None:
            form = FIELDS[name][0]
            found = _FORMS[form](value)
            if found is None:
                what = f"`{name}` is {value!r}."
                problems.append(OptionProblem(name, what, f"Write {_SPOKEN[form]}."))
            else:
                values[name] = found
    return DatabricksOptions(**values), problems


def required_options(given: Mapping[str, object], at: str | None) -> DatabricksOptions:
    """Return the options that a map gives. Raises ``UsageError`` with every problem in it."""
    options, problems = databricks_options(given)
    if problems:
        raise UsageError(
            "\n".join(each.what for each in problems),
            remedy=" ".join(dict.fromkeys(each.remedy for each in problems)),
            at=at,
        )
    return options


def given_options(texts: Sequence[str], base: DatabricksOptions | None) -> DatabricksOptions | None:
    """Return ``base`` with the options of ``KEY=VALUE`` texts. Raises ``UsageError``."""
    if not texts:
        return base
    document = with_settings(Located({}, 1), read_settings(texts)).plain()
    given = document if isinstance(document, Mapping) else {}
    options = required_options(given, None)
    if base is None:
        return options
    return replace(base, **{name: getattr(options, name) for name in given})


def run_options(
    given: Mapping[str, object] | None, section: Mapping[str, object]
) -> DatabricksOptions | None:
    """Return the options of a map, with the libraries of azureml-core's section, if any.

    Raises ``UsageError`` with every problem.
    """
    libraries = section_libraries(section)
    if not given and libraries is None:
        return None
    options = required_options(given or {}, None)
    return replace(options, libraries=libraries) if libraries else options


_OF_STEPS: Final = {
    "existing_cluster_id": "cluster_id",
    "cluster_log_dbfs_path": "log_path",
    "notebook_path": "notebook",
    "notebook_params": "parameters",
    "python_script_path": "python_file",
    "main_class_name": "main_class",
    "timeout_seconds": "timeout_s",
    **{
        name: name
        for name in (
            "instance_pool_id",
            "spark_version",
            "node_type",
            "num_workers",
            "min_workers",
            "max_workers",
            "spark_conf",
            "init_scripts",
            "run_name",
        )
    },
}
"""The name of a DatabricksStep's argument → the option that it is."""


def step_options(given: Mapping[str, object]) -> DatabricksOptions:
    """Return the options that the arguments of a DatabricksStep are, by azureml-core's names.

    Raises ``UsageError`` with every problem in them.
    """
    named = {option: given.get(name) for name, option in _OF_STEPS.items()}
    if not given.get("python_script_name"):
        listed = (given.get(name) for name in ("python_script_params", "jar_params"))
        lists = (each for each in listed if isinstance(each, list | tuple))
        named["arguments"] = [str(each) for one in lists for each in one] or None
    options = required_options(named, None)
    libraries = section_libraries(given)
    return replace(options, libraries=libraries) if libraries else options


_SECTION: Final = (
    ("maven", "maven_libraries", "coordinates"),
    ("pypi", "pypi_libraries", "package"),
    ("cran", "rcran_libraries", "package"),
    ("jars", "jar_libraries", "library"),
    ("eggs", "egg_libraries", "library"),
)


def section_libraries(section: Mapping[str, object]) -> DatabricksLibraries | None:
    """Return the libraries of azureml-core's section ``databricks``, ``None`` without any.

    Its keys are in camelCase or snake_case; a library is a map, an object or a text.
    """
    plain = {key.replace("_", "").lower(): value for key, value in section.items()}
    found: dict[str, tuple[str, ...]] = {}
    for name, key, inner in _SECTION:
        listed = plain.get(key.replace("_", ""))
        values = listed if isinstance(listed, list | tuple) else ()
        found[name] = tuple(_library(each, inner) for each in values)
    return DatabricksLibraries(**found) if any(found.values()) else None


def _library(given: object, inner: str) -> str:
    if isinstance(given, Mapping):
        return str(given.get(inner) or "")
    return str(getattr(given, inner, given))


def _text(value: object) -> str | None:
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return str(value) if plain else None


def _number(value: object) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return int(str(value)) if whole else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _map(value: object) -> dict[str, str] | None:
    if not isinstance(value, Mapping):
        return None
    return {str(key): str(each) for key, each in value.items()}


def _list(value: object) -> tuple[str, ...] | None:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else None


def _libraries(value: object) -> DatabricksLibraries | None:
    if not isinstance(value, Mapping) or not set(value) <= set(LIBRARIES):
        return None
    listed = {str(name): _list(each) for name, each in value.items()}
    given = {name: each for name, each in listed.items() if each is not None}
    return DatabricksLibraries(**given) if len(given) == len(listed) else None


_FORMS: Final[Mapping[str, Callable[[object], object | None]]] = {
    "text": _text,
    "number": _number,
    "flag": _flag,
    "map": _map,
    "list": _list,
    "libraries": _libraries,
}
