"""Trains nothing: logs a metric and keeps a file, the same on every target."""

import argparse
from pathlib import Path

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--factor", type=int)
answer = 7 * parser.parse_args().factor

run = Run.get_context()
run.log("answer", answer)
Path("outputs").mkdir(exist_ok=True)
Path("outputs/answer.txt").write_text(f"{answer}\n", encoding="utf-8")
print(f"Run {run.id} has found {answer}.")
