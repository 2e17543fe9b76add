"""Ridge regression on scikit-learn's bundled diabetes data, tracked with MLflow.

Runs the same under plain `python train.py`, on the `local` target and on any other target.
"""

import argparse
from pathlib import Path

import joblib
import mlflow
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.model_selection import train_test_split


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alpha", type=float, default=0.05, help="strength of the regularisation")
    alpha = parser.parse_args().alpha

    features, target = load_diabetes(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        features, target, test_size=0.2, random_state=0
    )
    print(f"training on {len(train_x)} rows, testing on {len(test_x)}")

    with mlflow.start_run():
        mlflow.log_param("alpha", alpha)
        model = Ridge(alpha=alpha).fit(train_x, train_y)
        predicted = model.predict(test_x)
        metrics = {
            "mse": mean_squared_error(test_y, predicted),
            "r2": r2_score(test_y, predicted),
        }
        mlflow.log_metrics(metrics)

    outputs = Path("outputs")
    outputs.mkdir(exist_ok=True)
    joblib.dump(model, outputs / "model.joblib")
    print(f"alpha {alpha}: mse {metrics['mse']:.1f}, r2 {metrics['r2']:.3f}")


if __name__ == "__main__":
    main()
