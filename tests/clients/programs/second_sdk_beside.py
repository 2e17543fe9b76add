"""azure-ai-ml with azureml-mlflow and azureml-core in the same environment."""

import runpy

runpy.run_module("second_sdk")
