"""The page on updates is generated from the table."""

import subprocess
import sys
from pathlib import Path

from infra.catalogue.updates.page import page

ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "updates.md").read_text(encoding="utf-8")
    remedy = "run `python -m infra.catalogue.updates.page > docs/updates.md`"
    assert written == page(), remedy


def test_the_module_writes_the_page() -> None:
    command = [sys.executable, "-m", "infra.catalogue.updates.page"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == page()
