#!/usr/bin/env bash
# What `make demo` does, as a person would type it: deploy, train on the cluster, look at the run.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
export AML_STACK=local

run() {
  printf '\n$ %s\n' "$*"
  "$@"
}

run aml up --yes
run aml submit -c cpu -e diabetes --source-directory examples/diabetes train.py --alpha 0.1

cat <<NEXT

Done in $SECONDS s. Four things to try next, in this folder:

  source .venv/bin/activate                                     put \`aml\` on PATH
  aml submit --source-directory examples/diabetes train.py      the same script, on this machine
  aml runs                                                      every run and its metrics
  aml destroy -s local                                          delete what was deployed
NEXT
