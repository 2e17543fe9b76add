"""The environment of a CLI v2 job: registered, in a file of its own, or written in the job."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from infra.contract.errors import DefinitionError
from infra.contract.json_types import JsonObject
from runtime.definitions.inline_conda import inline_conda
from runtime.definitions.job_keys import ENVIRONMENT_KEYS
from runtime.definitions.keys import check_keys
from runtime.definitions.located import Located, file_of, folder_of
from runtime.definitions.problems import COMMAND_LINE, GIVEN_OPTION, Problems, place_of
from runtime.definitions.reading import read_file
from runtime.definitions.settings_given import Setting, with_settings
from runtime.environments.declarations import read_declaration
from runtime.model.environments import EnvironmentSpec, ImageSpec

_REGISTERED: Final = re.compile(
    r"(?:azureml:)?(?!azureml:)(?P<name>[A-Za-z0-9][\w.-]*)(?::(?P<version>[\w.-]+)|@(?P<label>\w+))"
)
_REGISTRY: Final = re.compile(
    r"(?:azureml:)?(?://)?azureml://registries/(?P<registry>[^/]+)/environments/(?P<name>[^/]+)"
    r"/(?:versions/(?P<version>[^/]+)|labels/(?P<label>[^/]+))/?"
)
_ARM: Final = re.compile(
    r"(?:azureml:)?(?P<workspace>/subscriptions/.+/workspaces/[^/]+)"
    r"/environments/(?P<name>[^/]+)/versions/(?P<version>[^/]+)/?"
)
_LATEST: Final = "latest"
_CONTENTS: Final = ("image", "build", "conda_file", "docker", "path", "conda")
_FORMS: Final = "Write `azureml:NAME@latest`, `azureml:NAME:VERSION`, or a map with `image`."


def read_environment(given: Located, folder: Path, problems: Problems) -> EnvironmentSpec | None:
    """Return the environment; ``None``, with the problem added, for one that cannot be used.

    Its files are relative to the file that it is in, or to ``folder``.
    """
    folder = folder_of(given.line, folder)
    if given.is_map:
        return _inline(given, folder, problems, str(place_of(given.line, problems.file)))
    text = given.text.strip()
    for pattern in (_REGISTRY, _ARM, _REGISTERED):
        found = pattern.fullmatch(text)
        if found is not None:
            return _registered(found, given, problems)
    file = _beside(folder, text)
    if file.is_file():
        return _from_file(file, given, problems)
    what, todo = f"The environment {text!r} cannot be used.", _FORMS
    if text.startswith("azureml:"):
        what, todo = f"The environment {text!r} has no version.", f"Write `{text}@latest`."
    elif text.endswith((".yml", ".yaml")) or text.startswith((".", "file:")):
        what = f"There is no file {text!r} beside the job."
        todo = "Correct the path; it is relative to the job's file."
    elif "/" in text:
        todo = f"For an image, write `environment: {{image: {text}}}`."
    problems.at_line(given.line, what, todo)
    return None


def environment_in(file: Path | None, settings: Sequence[Setting]) -> EnvironmentSpec:
    """Return the environment to register that a file, options, or both describe.

    Paths in the file are relative to it, those of options to the working folder. Raises
    ``DefinitionError`` with every problem.
    """
    problems = Problems(file or COMMAND_LINE)
    document = Located({}, GIVEN_OPTION) if file is None else read_file(file, problems)
    problems.raise_any()
    spec = None
    root = with_settings(document or Located({}, 1), settings)
    check_keys(root, ENVIRONMENT_KEYS, problems, noun="an environment")
    if root.get("name") is None:
        problems.at_line(root.line, "The environment has no `name`.", "Add one, or give `--name`.")
    if any(root.get(key) for key in _CONTENTS):
        spec = _inline(root, file.parent if file else Path(), problems, str(file or "environment"))
    else:
        todo = "Add one, or give `--image`, `--build-context` or `--conda-file`."
        problems.at_line(root.line, "The environment says nothing of what is in it.", todo)
    problems.raise_any()
    return spec or EnvironmentSpec("user_managed")


def _registered(found: re.Match[str], given: Located, problems: Problems) -> EnvironmentSpec | None:
    named = found.groupdict()
    if named.get("label") not in {None, _LATEST}:
        what = f"The environment has the label {named['label']!r}."
        problems.at_line(given.line, what, "The only label is `latest`.")
        return None
    return EnvironmentSpec(
        "registered",
        name=named["name"],
        version=named.get("version"),
        registry=named.get("registry"),
        source=str(place_of(given.line, problems.file)),
    )


def _from_file(file: Path, given: Located, problems: Problems) -> EnvironmentSpec | None:
    """Read an environment's own file; its problems are problems of the job."""
    own = Problems(file)
    document = read_file(file, own)
    spec = None
    if document is not None and document.is_map:
        check_keys(document, ENVIRONMENT_KEYS, own, noun="an environment")
        spec = _inline(document, file.parent, own, str(file))
    elif document is not None:
        own.at_line(document.line, "It is not a map of keys and values.", _FORMS)
    for problem in own.found:
        what = f"The environment {file.name}, line {problem.at.line}: {problem.message}"
        problems.at_line(given.line, what, problem.remedy)
    return spec


def _inline(
    given: Located, folder: Path, problems: Problems, source: str
) -> EnvironmentSpec | None:
    image = _image(given, folder, problems)
    conda = given.get("conda_file")
    name, version = given.get("name"), given.get("version")
    spec = EnvironmentSpec(
        "user_managed",
        image=image,
        source=source,
        variables=_variables(given),
        name=name.text if name else None,
        version=version.text if version else None,
    )
    if conda is not None:
        return _with_conda(spec, conda, folder, problems)
    if image is None and not any(given.get(key) for key in ("docker", "path", "conda")):
        problems.at_line(given.line, "The environment has neither `image` nor `build`.", _FORMS)
        return None
    return spec


def _with_conda(
    spec: EnvironmentSpec, conda: Located, folder: Path, problems: Problems
) -> EnvironmentSpec | None:
    if conda.is_map:
        text, above = inline_conda(
            Path(file_of(conda.line, problems.file)), conda.line, _written(conda)
        )
        return replace(spec, kind="conda", conda=text, lines_above=above)
    file = _beside(folder, conda.text)
    if not file.is_file():
        what, todo = f"There is no conda file {conda.text!r}.", "Correct the path; it is relative"
        problems.at_line(conda.line, what, f"{todo} to the file that names it.")
        return None
    try:
        read = read_declaration(file)
    except DefinitionError as error:
        problems.at_line(conda.line, error.detail, error.remedy)
        return None
    return replace(
        spec, kind=read.kind, conda=read.conda, requirements=read.requirements, source=str(file)
    )


def _written(conda: Located) -> JsonObject:
    """Return a conda document with its scalars as written: `python: 3.10` is not 3.1."""

    def plain(node: Located) -> object:
        if node.is_map:
            return {key: plain(value) for key, value in node.entries.items()}
        return [plain(item) for item in node.items] if node.is_list else node.text

    return {key: plain(value) for key, value in conda.entries.items()}


def _image(given: Located, folder: Path, problems: Problems) -> ImageSpec | None:
    image, build = given.get("image"), given.get("build")
    if image is not None and build is not None:
        what = "The environment has both `image` and `build`."
        problems.at_line(build.line, what, "Remove one of them.")
    if image is not None:
        return ImageSpec(name=image.text)
    if build is None or not build.is_map:
        return None
    path = build.get("path")
    context = _beside(folder, path.text) if path else folder
    dockerfile = build.get("dockerfile_path")
    named = dockerfile.text if dockerfile else "Dockerfile"
    if not (context / named).is_file():
        what = f"There is no {named} in the folder {path.text if path else '.'!r}."
        problems.at_line(build.line, what, "Correct `build.path` or `build.dockerfile_path`.")
        return None
    return ImageSpec(context=str(context), dockerfile_path=named)


def _variables(given: Located) -> Mapping[str, str]:
    variables = given.get("environment_variables")
    return {key: value.text for key, value in variables.entries.items()} if variables else {}


def _beside(folder: Path, text: str) -> Path:
    return Path(os.path.normpath(folder.absolute() / text.removeprefix("file:")))
