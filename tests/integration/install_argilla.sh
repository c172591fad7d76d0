#!/usr/bin/env bash
# Installs what the tests of the review need: argilla-server in a virtual environment of its own below the folder given,
# Redis, and Chromium for the test of the page. Prints the variable by which the tests find the server, and adds it to
# `servers.env` in that folder.
#   tests/integration/install_argilla.sh FOLDER && . FOLDER/servers.env && pytest tests/integration/test_argilla.py
# Elasticsearch is not installed: tests/support/mini_elasticsearch.py answers in its place.
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)

missing=()
command -v redis-server > /dev/null || missing+=(redis-server)
command -v chromium > /dev/null || missing+=(chromium)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" > /dev/null
  else
    echo "not installed, and only root can: ${missing[*]}" >&2
    exit 1
  fi
fi

# click 8.2 breaks every command of argilla-server 2.8.0: "Secondary flag is not valid for non-boolean flag".
python3 -m venv "$folder/argilla"
${UV:-"$folder/argilla/bin/python" -m} pip install --quiet ${UV:+--python "$folder/argilla"} "argilla-server==2.8.0" "click<8.2"
echo "export ARGILLA_SERVER_PYTHON=$folder/argilla/bin/python" | tee -a "$folder/servers.env"
