"""Compares the table of conda names with the names that conda-forge's packages have on PyPI.

Run it with ``python -m runtime.environments.conda_names [FILE]``. FILE is the published mapping, a
JSON object from conda name to PyPI names; without it, it is downloaded.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx

from runtime.environments.azureml_packages import normalized
from runtime.environments.packages import CHECKED, PYPI_NAMES

PUBLISHED: Final = (
    "https://raw.githubusercontent.com/prefix-dev/parselmouth/main/files/v0/conda-forge/"
    "compressed_mapping.json"
)
"""Where the mapping is published, made from conda-forge's packages every hour."""
_TIMEOUT_S: Final = 60.0
_DECIDED: Final = frozenset(
    {
        "azureml-core",  # never on conda-forge, but written in conda's list
        "azureml-defaults",
        "azureml-mlflow",
        "cmake",  # PyPI has the program
        "faiss-cpu",
        "keras-base",  # of the default channel only
        "keras-gpu",
        "opencv",  # PyPI has it without the windows, which a cluster has none of
        "pip",  # uv installs instead
        "py-opencv",
        "pytorch-gpu",
        "ray-core",  # carries other packages
        "ray-default",
        "ray-tune",
        "tensorflow-cpu",
        "tensorflow-gpu",
        "tensorflow-mkl",
        "typing-extensions",  # an alias of typing_extensions
        "tzdata",
        "uv",
    }
)
"""Names whose difference is on purpose."""


def differences(
    published: Mapping[str, Sequence[str] | None], table: Mapping[str, str | None] = PYPI_NAMES
) -> Iterator[str]:
    """Yield a line for each name whose package on PyPI is another one in the mapping."""
    known = {normalized(name.lstrip("_")): names or [] for name, names in published.items()}
    for name, ours in sorted(table.items()):
        theirs = {normalized(each) for each in known.get(name, [])}
        if name in _DECIDED or (ours is None and not theirs):
            continue
        if name not in known:
            yield f"{name}: {ours} here, not published"
        elif ours is None or normalized(ours) not in theirs:
            there = ", ".join(sorted(theirs)) or "nothing"
            yield f"{name}: {ours or 'nothing'} here, {there} there"


def unlisted(published: Mapping[str, Sequence[str] | None], names: Iterable[str]) -> Iterator[str]:
    """Yield what to add to the table for ``names``: those it lacks, and their PyPI names."""
    known = {normalized(name): found for name, found in published.items()}
    for name in sorted({normalized(each) for each in names} - PYPI_NAMES.keys()):
        found = known.get(name) or []
        if len(found) == 1:
            yield f"{name}: {normalized(found[0])}"


def main(arguments: Sequence[str]) -> int:
    """Print the differences; return 1 if there are any. Names after FILE are looked up."""
    if arguments and Path(arguments[0]).is_file():
        text, names = Path(arguments[0]).read_text(encoding="utf-8"), arguments[1:]
    else:
        answer = httpx.get(PUBLISHED, timeout=_TIMEOUT_S, follow_redirects=True)
        text, names = answer.raise_for_status().text, arguments
    published = json.loads(text)
    found = [*differences(published), *(f"+ {line}" for line in unlisted(published, names))]
    last = f"{len(PYPI_NAMES)} names; last compared {CHECKED}; {len(found)} difference(s)"
    sys.stdout.writelines(f"{line}\n" for line in [*found, last])
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
