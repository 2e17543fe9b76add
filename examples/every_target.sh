#!/usr/bin/env bash
# One script on every kind of target, all of one stack on the local cloud; `aml` must be on PATH.
# Nothing of Azure is needed, and docker only if an engine is there.
set -euo pipefail
cd "$(dirname "$0")/every_target"

run() {
  printf '\n$ %s\n' "$*"
  "$@"
}

# What a stack attaches: a virtual machine, and an account of each service.
run aml cloud vm create dsvm
run aml cloud hdinsight create spark
run aml cloud databricks create bricks
run aml cloud batch create jobs

run aml up --yes

# `local` and `docker` are this machine; the others are computes of the stack.
targets=(local cpu workstation dsvm spark bricks jobs)
if docker info >/dev/null 2>&1; then
  targets+=(docker)
fi
for target in "${targets[@]}"; do
  run aml submit --target "$target" -e everywhere train.py --factor 6
done

run aml runs
