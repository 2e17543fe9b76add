"""Conda packages and their equivalents on PyPI.

Only packages whose wheel on PyPI is the same software are listed. Everything that only conda has,
such as compilers and CUDA, is refused by ``conda``. ``conda_names`` compares the table with what
conda-forge publishes.
"""

from typing import Final

from runtime.environments.azureml_packages import normalized

CHECKED: Final = "2026-08-19"
"""The date of the published names that the table was last compared with."""
_SAME_NAME: Final = """
    absl-py accelerate adal adlfs affine aiohttp aiosignal albumentations alembic alive-progress
    altair anndata annotated-doc annotated-types antspyx anyio apache-airflow appdirs
    applicationinsights argon2-cffi argon2-cffi-bindings arrow asn1crypto astor astropy astroquery
    asttokens async-timeout attrs audioread autoflake autogluon autopep8 av avro azure-ai-ml
    azure-cli azure-cli-core azure-common azure-core azure-cosmos azure-data-tables azure-identity
    azure-keyvault-keys azure-keyvault-secrets azure-mgmt-core azure-mgmt-keyvault
    azure-mgmt-resource azure-mgmt-storage azure-monitor-opentelemetry azure-servicebus
    azure-storage-blob azure-storage-file-datalake azure-storage-file-share azure-storage-queue
    azureml-core azureml-defaults azureml-mlflow babel backcall backoff bandit
    bayesian-optimization bcrypt beautifulsoup4 biopython black bleach bokeh boto boto3 botocore
    bottle box2d-py bqplot branca brotlipy build cachecontrol cachetools cartopy casadi
    cassandra-driver catalogue catboost category-encoders causalml celery certifi cffi cftime
    charset-normalizer cherrypy click click-plugins cligj cloudpathlib cloudpickle cmake codecov
    colorama colorcet combo comm confection configargparse configparser connectorx contextily
    contextlib2 country-converter coverage cramjam croniter cryptography cssselect cupy cvxpy
    cx-oracle cycler cymem cython dash dash-bootstrap-components dash-core-components
    dash-html-components dask dask-ml dask-xgboost dataclasses datasets datashader dbt-core debugpy
    decorator dedupe defusedxml delta-spark deltalake dgl dice-ml dicttoxml dill dipy distributed
    django dm-tree docker-compose docutils dowhy duckdb dvc dynaconf econml einops elasticsearch
    eli5 email-validator emoji empyrical entrypoints environs esda evaluate eventlet exceptiongroup
    executing fabric fairlearn faker fastai fastapi fastavro fastcluster fastcore fastparquet
    fastprogress fasttext fbprophet feature-engine feedparser filelock findspark fiona fire flake8
    flake8-docstrings flaml flask flask-cors flask-login flask-restful flask-sqlalchemy flit-core
    folium fonttools freezegun frozenlist fs fsspec ftfy future fuzzywuzzy gast gcsfs gekko gensim
    geoalchemy2 geopandas geopy gevent gitpython gluonts google-api-core google-auth
    google-auth-oauthlib google-cloud-bigquery google-cloud-storage google-pasta gputil gradio
    great-expectations greenlet grpcio gunicorn gym gymnasium h11 h5netcdf h5py happybase hatch
    hatchling haversine hdbscan hdfs3 healpy highspy holidays holoviews html5lib httpcore httptools
    httpx huggingface-hub hvplot hydra-core hypercorn hyperopt hypothesis ibis-framework idna
    imageio imageio-ffmpeg imbalanced-learn imgaug implicit importlib-metadata importlib-resources
    influxdb influxdb-client iniconfig interpret interpret-core invoke ipdb ipykernel ipyleaflet
    ipympl ipython ipython-genutils ipywidgets isort itsdangerous jaraco-functools jaraco-text jax
    jedi jeepney jellyfish jinja2 jira jmespath joblib jsonlines jsonpickle jsonschema
    jsonschema-specifications jupyter jupyter-client jupyter-console jupyter-contrib-nbextensions
    jupyter-core jupyter-nbextensions-configurator jupyter-server jupyterlab jupyterlab-pygments
    jupyterlab-server jupyterlab-widgets jupytext kafka-python kedro keras keras-applications
    keras-preprocessing keyring kiwisolver koalas kornia langchain lazy-loader libpysal librosa
    lifelines lightfm lightgbm lightning lightning-utilities lime line-profiler linearmodels
    llvmlite loguru luigi lxml lz4 m2cgen mapclassify markdown markupsafe matplotlib
    matplotlib-inline memory-profiler missingno mistune mkdocs mkdocs-material mkl-service mlflow
    mlflow-skinny mlxtend mne mock modin monai more-itertools moviepy mpmath msal msal-extensions
    msrest msrestazure multidict multiprocess munch murmurhash mypy mysqlclient nb-conda-kernels
    nbclassic nbclient nbconvert nbdime nbformat neptune-client nest-asyncio netcdf4 networkit
    networkx neuralprophet nevergrad newspaper3k nibabel nilearn nltk nose notebook notebook-shim
    numba numba-scipy numcodecs numexpr numpy numpydoc nvidia-ml-py oauthlib obspy omegaconf onnx
    onnxconverter-common onnxmltools onnxruntime openai opencensus opencensus-ext-azure
    opencv-python-headless openpyxl openslide-python openturns opt-einsum optuna oracledb orjson
    packaging pandarallel pandas pandas-datareader pandas-profiling pandas-ta pandocfilters panel
    papermill param parameterized paramiko parsel parso partd pathlib2 pathspec patsy pdf2image
    pdoc3 peft pendulum pep8-naming pexpect phonenumbers photutils pickleshare pillow pip-tools
    platformdirs plotly plotnine pluggy ply pmdarima poetry poetry-core polars polars-lts-cpu pooch
    praw pre-commit prefect preshed prettytable prometheus-client prompt-toolkit prophet protobuf
    psutil psycopg2 psycopg2-binary ptyprocess pudb pulp pure-eval py-cpuinfo py2neo pyarrow
    pyarrow-hotfix pyasn1 pyasn1-modules pycountry pycparser pydantic pydantic-core
    pydantic-extra-types pydantic-settings pydata-google-auth pydeck pydicom pydocstyle pydot
    pydotplus pydrive pyephem pyfftw pyfiglet pyfolio pygeos pygithub pygments pygraphviz pyhive
    pyjwt pyldavis pylint pymongo pymssql pymysql pynacl pynvml pyod pyodbc pyomo pyopenssl
    pyparsing pypdf pypdf2 pyportfolioopt pyproj pyquery pyramid pyreadr pyreadstat pyrsistent
    pysal pyserial pysftp pysocks pyspark pytesseract pytest pytest-asyncio pytest-cov pytest-mock
    pytest-timeout pytest-xdist python-dateutil python-docx python-dotenv python-gitlab
    python-json-logger python-levenshtein python-louvain python-multipart python-slugify
    python-snappy pytorch-forecasting pytorch-ignite pytorch-tabnet pytz pytzdata pyupgrade pyvis
    pyviz-comms pywavelets pyyaml pyzmq pyzstd qtconsole quart rapidfuzz rasterio ratelimit rdkit
    readability-lxml referencing regex reportlab requests requests-oauthlib requests-toolbelt
    resampy responses responsibleai retrying rich rope rouge-score rpds-py rpy2 rsa rtree
    ruamel-yaml ruamel-yaml-clib ruff ruptures s3fs s3transfer sacrebleu sacred sacremoses
    safetensors sanic sasl scanpy schedule scikit-image scikit-learn scikit-optimize
    scikit-surprise scikit-survival scipy scrapbook scrapy seaborn secretstorage selenium
    send2trash sendgrid sentence-transformers sentencepiece setuptools setuptools-scm shap shapely
    simpleitk simplejson singledispatch six skl2onnx sklearn-pandas skorch sktime slack-sdk
    slackclient smart-open sniffio snowflake-connector-python snowflake-sqlalchemy snuggs soupsieve
    spacy spacy-legacy spacy-loggers spacy-transformers spectral specutils sphinx sphinx-rtd-theme
    sqlalchemy sqlalchemy-utils sqlparse squarify srsly sshtunnel stable-baselines3 stack-data
    starlette statsforecast statsmodels streamlit structlog stumpy sunpy swifter sympy ta-lib
    tabulate tblib tenacity tensorboard tensorboard-data-server tensorboard-plugin-wit tensorboardx
    tensorflow tensorflow-datasets tensorflow-estimator tensorflow-hub tensorflow-metadata
    tensorflow-probability termcolor terminado testpath text-unidecode textblob tf2onnx theano
    thinc threadpoolctl thrift tiktoken timezonefinder timm tinycss2 tld tokenizers toml tomli
    toolz torchdata torchio torchmetrics torchtext tornado tox tqdm traitlets transformers treelite
    tsfresh tslearn tune-sklearn turbodbc tweepy twilio twine twisted typed-argument-parser typer
    typing-extensions tzdata u8darts ujson umap-learn unidecode urllib3 us usaddress uvicorn vaex
    validators waitress wandb wasabi watchfiles weasel webencodings websocket-client websockets
    werkzeug wheel widgetsnbextension wordcloud wrapt xarray xgboost xlrd xlsxwriter xlwings
    xmltodict xyzservices yapf yarl ydata-profiling yellowbrick yfinance zarr zipline zipp
    zope-interface zstandard
"""
_OTHER_NAME: Final = {
    "boruta-py": "boruta",
    "brotli-python": "brotli",
    "cmake": "cmake",
    "cython-blis": "blis",
    "dask-core": "dask",
    "docker-py": "docker",
    "faiss-cpu": "faiss-cpu",
    "h2o-py": "h2o",
    "h3-py": "h3",
    "keras-base": "keras",
    "keras-gpu": "keras",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python-headless",
    "ortools-python": "ortools",
    "plotly-express": "plotly-express",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "pysoundfile": "soundfile",
    "pytables": "tables",
    "python-blosc": "blosc",
    "python-confluent-kafka": "confluent-kafka",
    "python-fastjsonschema": "fastjsonschema",
    "python-graphviz": "graphviz",
    "python-hdfs": "hdfs",
    "python-igraph": "igraph",
    "python-kubernetes": "kubernetes",
    "python-tzdata": "tzdata",
    "python-xxhash": "xxhash",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "quantlib-python": "quantlib",
    "ray-core": "ray",
    "ray-default": "ray[default]",
    "ray-tune": "ray[tune]",
    "redis-py": "redis",
    "seaborn-base": "seaborn",
    "tensorflow-base": "tensorflow",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "tensorflow-mkl": "tensorflow",
}
_NOTHING: Final = """
    blas intel-openmp libblas libcblas libgfortran libgfortran-ng libgfortran5 liblapack
    libopenblas llvm-openmp mkl nomkl numpy-base openblas
    cpuonly pytorch-cuda pytorch-mutex
    bzip2 ca-certificates expat ld-impl-linux-64 libexpat libffi libgcc libgcc-mutex libgcc-ng
    libgomp libnsl libsqlite libstdcxx libstdcxx-ng libuuid libxcrypt libzlib ncurses openmp-mutex
    openssl pip python-abi readline sqlite tk uv xz zlib
"""
"""Packages that only select a build of numpy or pytorch, and the libraries of Python itself.

Every wheel brings its own; an exported environment lists them all.
"""
PYPI_NAMES: Final[dict[str, str | None]] = {
    **{name: name for name in _SAME_NAME.split()},
    **_OTHER_NAME,
    **dict.fromkeys(_NOTHING.split()),
}
"""Conda name (normalized) → PyPI name; ``None``: nothing needs to be installed for it."""


def pypi_name(conda_name: str) -> tuple[bool, str | None]:
    """Return whether a conda package is known, and the name of the same one on PyPI."""
    name = normalized(conda_name.lstrip("_"))
    return name in PYPI_NAMES, PYPI_NAMES.get(name)
