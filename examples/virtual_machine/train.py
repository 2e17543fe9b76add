"""A script for a machine: says where it runs, and keeps a file."""

import os
import platform
from pathlib import Path

print(f"Python {platform.python_version()} of {os.environ['USER']} in {Path.cwd()}")
outputs = Path("outputs")
outputs.mkdir(exist_ok=True)
(outputs / "answer.txt").write_text("42\n", encoding="utf-8")
