"""What `aml init` does about git and pipelines: finds out what a repository uses, writes files.

The files are in `pipelines`, a folder a service: a pull request is checked and previewed, what is
merged is deployed, drift is looked for every night. Production is deployed by hand.
"""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from infra.contract.inheritance import all_extended
from infra.contract.project import DEFAULT_STACK

CI: Final = ("github", "azure-devops")
"""The services that run pipelines."""
_TEMPLATES: Final = Path(__file__).with_name("pipelines")
_PRODUCTION: Final = ("prod", "live")

_HOSTS: Final = {
    "github": ("github.",),
    "azure-devops": ("dev.azure.com", "visualstudio.com"),
}
_FILES: Final = {"github": ".github", "azure-devops": "azure-pipelines.yml"}


def repository(folder: Path) -> Path | None:
    """Return the root of the git repository around a folder, ``None`` without one."""
    upwards = (folder.absolute(), *folder.absolute().parents)
    return next((each for each in upwards if (each / ".git").exists()), None)


def ci_service(root: Path) -> str:
    """Return the service whose files are in a repository, else the one it is hosted at, or ""."""
    for service, file in _FILES.items():
        if (root / file).exists():
            return service
    remotes = _git(root, "remote", "-v")
    for service, hosts in _HOSTS.items():
        if any(host in remotes for host in hosts):
            return service
    return ""


def team_stacks(folder: Path) -> list[str]:
    """Return the stacks of a folder that more than one machine deploys, sorted.

    What others extend is none: it need not be complete.
    """
    files = {file.name[7:-5]: file for file in folder.glob("Pulumi.*.yaml")}
    inherited = all_extended(file.read_bytes() for file in files.values())
    return sorted(name for name in files if name != DEFAULT_STACK and name not in inherited)


def deployed_stack(stacks: Sequence[str]) -> str | None:
    """Return the stack that a merge deploys: `dev`, else the first that is not production."""
    own = [each for each in stacks if each != DEFAULT_STACK]
    fit = [each for each in own if not any(word in each.lower() for word in _PRODUCTION)]
    return "dev" if "dev" in fit else next(iter(fit), None)


def ci_files(service: str, stacks: Sequence[str], deployed: str) -> dict[str, str]:
    """Return the files for a service of ``CI``, by their paths in the repository.

    ``stacks`` are those that a pull request checks; a merge deploys ``deployed``.
    """
    words = {"@STACK@": deployed, "@STACKS@": " ".join(stacks), "@LISTED@": ", ".join(stacks)}
    found = {}
    folder = _TEMPLATES / service
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        text = file.read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(word, value)
        found[file.relative_to(folder).as_posix()] = text
    return found


def write_missing(root: Path, files: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Write the files that are not there; return those written, and those left as they are."""
    written, left = [], []
    for name, text in files.items():
        file = root / name
        if file.exists():
            left.append(name)
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        written.append(name)
    return written, left


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""  # git is not installed
    return done.stdout
