"""Run configurations as people have them: a folder a case, and what each says, as one document."""

import json
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path

from infra.contract.errors import DefinitionError
from runtime.definitions.runconfig import find_run_configuration
from runtime.definitions.settings import RunConfigurationFile

FOLDER = Path(__file__).parent / "wild"
EXPECTED = "expected.json"
PROJECTS = sorted(each.parent for each in FOLDER.glob(f"*/{EXPECTED}"))


def reading(project, configuration):
    """Return what a run configuration of a project says, or why it is refused."""
    try:
        found = find_run_configuration(configuration, project)
    except DefinitionError as error:
        several = "\n" in error.detail
        at = f"{error.at}: {error.detail} {error.remedy}"
        document = {"refused": error.detail.split("\n  ") if several else [at]}
    else:
        document = {"settings": given(found, RunConfigurationFile(found.file))}
    text = json.dumps({"configuration": configuration, **document}, ensure_ascii=False)
    home = str(Path.home())
    return json.loads(text.replace(f"{project}/", "").replace(f"{home}/", "~/"))


def given(value, default):
    """Return a value as plain data, without what is as it is in ``default``."""
    made = {
        each.name: plain(getattr(value, each.name))
        for each in fields(value)
        if getattr(value, each.name) != getattr(default, each.name)
    }
    made.pop("file", None)
    return made


def plain(value):
    if is_dataclass(value):
        shown = {each.name: getattr(value, each.name) for each in fields(value)}
        usual = {
            each.name: each.default if each.default_factory is MISSING else each.default_factory()
            for each in fields(value)
        }
        return {name: plain(each) for name, each in shown.items() if each != usual[name]}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, Path):
        return str(value)
    return {k: plain(v) for k, v in value.items()} if hasattr(value, "items") else value
