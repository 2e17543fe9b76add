#!/usr/bin/env bash
# The same PySpark script on this machine, and on a cluster over ssh and through Livy; then as a Spark
# job of CLI v2. `aml` and Java must be on PATH.
set -euo pipefail
cd "$(dirname "$0")"

aml cloud hdinsight create hdi
aml up --yes
for configuration in here cluster livy; do
  aml submit -c "$configuration" total.py 100
done
aml submit job.yml
