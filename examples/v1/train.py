"""Train a classifier of irises: a training script of the Azure ML SDK v1."""

import argparse
import os

import joblib
from azureml.core.run import Run
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--reg", type=float, default=0.5, help="inverse of the regularization strength")
args = parser.parse_args()

run = Run.get_context()
X, y = load_iris(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, random_state=0)

model = LogisticRegression(C=args.reg, max_iter=1000).fit(X_train, y_train)
accuracy = model.score(X_test, y_test)
print(f"Accuracy: {accuracy:.3f}")

run.log("Regularization rate", args.reg)
run.log("Accuracy", accuracy)
run.tag("dataset", "iris")

os.makedirs("outputs", exist_ok=True)
joblib.dump(model, "outputs/model.pkl")
