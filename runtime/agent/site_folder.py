"""The folder that has the in-run ``azureml`` package, and the variables that lead a script to it.

It comes first on the script's path. With ``fill``, the package itself makes way for Microsoft's
where the script's Python has that one.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ALWAYS, FILL, NEVER = "always", "fill", "never"
FOLDER = "azureml_site"
PARTS = (FOLDER, "in_run", "assets")
"""What a script's Python imports: folders beside this file, below ``UNPACKED`` in the archive."""
UNPACKED = "script"


@contextmanager
def azureml_site(mode: str) -> Iterator[str]:
    """Yield the folder, unpacked while the block runs if the agent is one file; ``""``: none."""
    here = Path(__file__).resolve()
    # The second is where it is in an archive that was unpacked as a whole.
    places = (here.parent / FOLDER, here.parents[2] / UNPACKED / FOLDER)
    beside = next((place for place in places if place.is_dir()), None)
    if mode == NEVER:
        yield ""
    elif beside is not None:
        yield str(beside)
    else:
        with tempfile.TemporaryDirectory(prefix="aml-azureml-") as folder:
            with zipfile.ZipFile(str(here.parents[2])) as archive:
                wanted = [n for n in archive.namelist() if n.startswith(f"{UNPACKED}/")]
                archive.extractall(folder, wanted)
            yield str(Path(folder) / UNPACKED / FOLDER)


def site_variables(
    environ: Mapping[str, str], site: str, mode: str, url: str, token: str
) -> dict[str, str]:
    """Return the variables of the in-run package."""
    if not site:
        return {}
    path = [site, *filter(None, [environ.get("PYTHONPATH")])]
    return {
        "PYTHONPATH": os.pathsep.join(path),
        "AML_AGENT_URL": url,
        "AML_AGENT_TOKEN": token,
        "AML_AZUREML": mode,
        "AML_RUN_ID": environ["AZUREML_RUN_ID"],
    }
