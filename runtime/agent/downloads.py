"""Downloads an input from the web."""

from __future__ import annotations

import shutil
import urllib.request
from pathlib import Path

from runtime.agent.files import replacing

_TIMEOUT_S = 120.0


def download(url: str, file: Path) -> None:
    """Download into a file, which is there as a whole or not at all. Raises ``OSError``."""
    # The submitter checked that it is http or https.
    answer = urllib.request.urlopen(url, timeout=_TIMEOUT_S)  # noqa: S310
    with answer, replacing(file) as sink:
        shutil.copyfileobj(answer, sink)
