"""Conda packages and their equivalents on PyPI.

Only packages whose wheel on PyPI is the same software are listed. Everything that only conda has,
such as compilers and native libraries, is refused by ``conda``.
"""

from typing import Final

_SAME_NAME: Final = """
    absl-py aiohttp altair annotated-types anyio arrow attrs azure-core azure-identity
    azure-storage-blob azureml-core azureml-defaults azureml-mlflow bcrypt beautifulsoup4 black
    bokeh boto3 botocore cachetools catboost certifi cffi charset-normalizer click cloudpickle
    cmake colorama configparser coverage cryptography cycler cython dash dask datasets decorator
    defusedxml dill distributed docutils einops entrypoints evaluate fastapi fastparquet
    filelock flake8 flask fonttools fsspec future gensim gitpython google-auth greenlet grpcio
    gunicorn h5py httpx huggingface_hub hyperopt idna imageio importlib-metadata ipykernel
    ipython ipywidgets isort itsdangerous jax jedi jinja2 joblib jsonschema jupyter jupyterlab
    keras kiwisolver lightgbm llvmlite lxml markdown markupsafe matplotlib mlflow mlflow-skinny
    more-itertools mpmath multidict mypy nbconvert nbformat networkx nltk notebook numba numexpr
    numpy oauthlib onnx onnxruntime openpyxl optuna orjson packaging pandas papermill paramiko
    partd pathspec patsy pillow plotly ply polars prettytable prompt-toolkit protobuf psutil
    pyarrow pyasn1 pycparser pydantic pydot pyjwt pylint pymongo pyodbc pyopenssl pyparsing
    pyserial pyspark pytest pytest-cov python-dateutil python-dotenv pytz pyyaml pyzmq regex
    requests requests-oauthlib rich ruamel.yaml s3fs scikit-image scikit-learn scipy seaborn
    sentencepiece setuptools shap shapely six spacy sqlalchemy sqlparse starlette statsmodels
    sympy tabulate tenacity tensorboard tensorboardx tensorflow tensorflow-estimator termcolor
    threadpoolctl tokenizers toml tomli toolz tornado tqdm traitlets transformers typer
    typing-extensions typing_extensions tzdata ujson umap-learn urllib3 uvicorn websocket-client
    werkzeug wheel wrapt xarray xgboost xlrd xlsxwriter yarl zipp
"""
_OTHER_NAME: Final = {
    "cpuonly": None,  # selects a build of pytorch; PyPI has only one
    "dask-core": "dask",
    "keras-base": "keras",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "nomkl": None,  # selects a build of numpy
    "opencv": "opencv-python-headless",
    "pip": None,  # uv installs instead
    "plotly_express": "plotly",
    "prometheus_client": "prometheus-client",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "pytables": "tables",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-lightning": "pytorch-lightning",
    "seaborn-base": "seaborn",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "torchaudio": "torchaudio",
    "torchvision": "torchvision",
    "uv": None,
}
PYPI_NAMES: Final[dict[str, str | None]] = {
    **{name: name for name in _SAME_NAME.split()},
    **_OTHER_NAME,
}
"""Conda name (lower case) → PyPI name; ``None``: nothing needs to be installed for it."""
