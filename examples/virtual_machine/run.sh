#!/usr/bin/env bash
# Three commands: make a machine, attach it, train on it. `aml` must be on PATH.
set -euo pipefail
cd "$(dirname "$0")"

aml cloud vm create dsvm
aml up --yes
aml submit -c dsvm train.py
