"""What a job file is read as, or the problems of one, as JSON that stands beside it."""

import json
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path

from infra.contract.errors import DefinitionError
from runtime.definitions.job import read_job

FOLDER = Path(__file__).parent / "jobs"
FILES = sorted(FOLDER.glob("*.yml"))
_OTHER = ("target", "name", "has_code")


def reading(file):
    """Return a document: the fields that the file sets, or the lines of the refusal."""
    try:
        job = read_job(file)
    except DefinitionError as error:
        _, *lines = error.detail.splitlines()
        single = f"{error.at}: {error.detail} {error.remedy}"
        document = {"refused": [line.strip() for line in lines] or [single]}
    else:
        document = {
            **{key: getattr(job, key) for key in _OTHER},
            "unused": [f"{each.line}: {each.path}" for each in job.unused],
            "workspaces": list(job.workspaces),
            "spec": _document(job.spec),
        }
    text = json.dumps(document, default=str, ensure_ascii=False)
    return json.loads(text.replace(f"{FOLDER}/", "").replace(str(FOLDER), "."))


def _document(value):
    """Return a dataclass without the fields that have their defaults."""
    if is_dataclass(value):
        return {
            each.name: _document(getattr(value, each.name))
            for each in fields(value)
            if getattr(value, each.name) != _default(each)
        }
    return [_document(item) for item in value] if isinstance(value, tuple) else value


def _default(field):
    made = field.default_factory is not MISSING
    return field.default_factory() if made else field.default
