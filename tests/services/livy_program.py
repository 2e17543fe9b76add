"""Run by the Python of PyPI's livy: a batch that succeeds and one that is killed."""

import json
import os
import sys
import time

import requests
from livy import LivyBatch

session = requests.Session()
session.headers["X-Requested-By"] = "tests"
session.verify = os.environ["CLOUD_CA"]
options = {
    "auth": ("admin", os.environ["CLOUD_PASSWORD"]),
    "verify": os.environ["CLOUD_CA"],
    "requests_session": session,
}
url = os.environ["CLOUD_LIVY"]
batch = LivyBatch.create(url, "wasbs:///jobs/sum.py", args=["10"], name="sum", **options)
state = batch.wait()
second = LivyBatch.create(url, "wasbs:///jobs/wait.py", **options)
while second.state.value == "starting":
    time.sleep(0.1)
running = second.state.value
second.kill()
found = {"state": state.value, "log": batch.log(0, 1000), "second": running}
sys.stdout.write(json.dumps(found))
