"""Trains the model and logs how good it is; runs anywhere, also as plain `python train.py`."""

import json
from pathlib import Path

import mlflow
from churn.model import accuracy, best_threshold

CUSTOMERS = [(complaints, complaints in {4, 5, 6}) for complaints in range(7) for _ in range(30)]


def main() -> None:
    """Train on generated customers, write ``outputs/model.json``."""
    threshold = best_threshold(CUSTOMERS)
    with mlflow.start_run():
        mlflow.log_metric("accuracy", accuracy(CUSTOMERS, threshold))
    Path("outputs").mkdir(exist_ok=True)
    Path("outputs/model.json").write_text(json.dumps({"threshold": threshold}), encoding="utf-8")


if __name__ == "__main__":
    main()
