#!/usr/bin/env bash
# Measure an entry again in an environment of its own, as continuous integration does:
#   leaderboard/remeasure.sh leaderboard/detector/mine.json
# It runs the code of the entry's package, so run it where nothing else is at stake.
set -euo pipefail
file=$(realpath "$1")
cd "$(dirname "$0")/.."
work=${2:-remeasured}
mkdir -p "$work"
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -e .
"$work/venv/bin/cosalpure" leaderboard --check "$file"
package=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1])).get("package") or "")' "$file")
case $package in
    -*) echo "package: expected what pip installs, found an option" >&2; exit 1 ;;
    "") ;;
    *) "$work/venv/bin/pip" install --quiet --disable-pip-version-check -c requirements.txt "$package" ;;
esac
"$work/venv/bin/cosalpure" leaderboard --remeasure "$file" --work "$work"
