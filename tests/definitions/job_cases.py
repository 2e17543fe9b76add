"""What a job file is read as, or the problems of one, as JSON that stands beside it."""

import json
from dataclasses import asdict
from pathlib import Path

from infra.contract.errors import DefinitionError
from runtime.definitions.job import read_job
from runtime.model.runs import RunSpec

FOLDER = Path(__file__).parent / "jobs"
FILES = sorted(FOLDER.glob("*.yml"))
_OTHER = ("target", "name", "has_code")


def reading(file):
    """Return a document: the fields that the file sets, or the lines of the refusal."""
    try:
        job = read_job(file)
    except DefinitionError as error:
        lines = error.detail.splitlines()
        single = f"{error.at}: {error.detail} {error.remedy}"
        document = {"refused": lines if len(lines) > 1 else [single]}
    else:
        document = {
            **{key: getattr(job, key) for key in _OTHER},
            "unused": [f"{each.line}: {each.path}" for each in job.unused],
            "workspaces": list(job.workspaces),
            "spec": _without_defaults(asdict(job.spec), job.spec),
        }
    text = json.dumps(document, default=str, ensure_ascii=False)
    return json.loads(text.replace(f"{FOLDER}/", "").replace(str(FOLDER), "."))


def _without_defaults(spec, made):
    plain = asdict(RunSpec("", made.source_directory, command=made.command))
    kept = {key: value for key, value in spec.items() if value != plain[key]}
    if kept.get("environment"):
        kept["environment"] = {k: v for k, v in kept["environment"].items() if v}
    return {"command": made.command, "source_directory": str(made.source_directory), **kept}
