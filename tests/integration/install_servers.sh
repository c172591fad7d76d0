#!/usr/bin/env bash
# Installs the servers that some tests talk to, each in a virtual environment of its own below the folder given, and
# writes `servers.env` there: the variables by which the tests find them.
#   tests/integration/install_servers.sh FOLDER && . FOLDER/servers.env && pytest
set -euo pipefail
folder=$1
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
: > "$folder/servers.env"

# distilabel's TransformersLLM and TRL's trainers, for a tiny model on the CPU
python3 -m venv "$folder/serve"
"$folder/serve/bin/pip" install --quiet "torch==2.13.0"  # by pip, which knows where a machine keeps a wheel for the CPU
${UV:-"$folder/serve/bin/python" -m} pip install --quiet ${UV:+--python "$folder/serve"} \
  "torch==2.13.0" transformers accelerate trl pytest pytest-xdist hypothesis \
  --editable "$here/../.."
echo "export INFERENCE_SERVER_PYTHON=$folder/serve/bin/python" >> "$folder/servers.env"
