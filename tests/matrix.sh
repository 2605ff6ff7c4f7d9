#!/usr/bin/env bash
# Tests the last commit with one stack and one Python, all of it installed anew below MATRIX_DIR (default: a temporary folder):
#   tests/matrix.sh current python3.12              what requirements/ names
#   tests/matrix.sh openmmlab python3.9             PyTorch 2.1, torchvision 0.16, mmcv-lite 2.1.0
#   MMCV=mmcv tests/matrix.sh openmmlab python3.10  the same with the full mmcv, the standard OpenMMLab installation
# What follows is for pytest, such as: -m 'not install and not soak'
# MMCV_INDEX names where compiled wheels of mmcv are; without one, pip compiles it. PIP_EXTRA_INDEX_URL as in the Makefile.
set -euo pipefail
stack=$1 python=$2
shift 2
root=$(cd "$(dirname "$0")/.." && pwd)
place=${MATRIX_DIR:-$(mktemp -d)}/$stack-$(basename "$python")
rm -rf "$place"
git clone -q "$root" "$place"
cd "$place"
if [ "$stack" = current ]; then
    make .venv/bin/python PYTHON="$python"
    args=$([ $# = 0 ] || printf '%q ' "$@")  # make hands them to a shell again
    make test PYTHON="$python" WORKERS="${WORKERS:-2}" PYTEST_ARGS="$args"
    exit
fi
[ "$stack" = openmmlab ] || { echo "error: no stack \"$stack\": current or openmmlab" >&2; exit 2; }
"$python" -m venv .venv
pip=(.venv/bin/python -m pip --disable-pip-version-check install -q)
# shellcheck disable=SC2206
"${pip[@]}" ${TORCH:-torch==2.1.2 torchvision==0.16.2} 'numpy<2'
"${pip[@]}" -r requirements/runtime.txt -r requirements/tests.txt -r requirements/export.txt -r requirements/vit.txt
grep -v '^torchvision\|^mmcv' requirements/openmmlab.txt > openmmlab.txt
"${pip[@]}" --no-deps --no-build-isolation ${MMCV_INDEX:+--find-links "$MMCV_INDEX"} "${MMCV:-mmcv-lite}==2.1.0" -r openmmlab.txt
"${pip[@]}" --no-deps --no-build-isolation -e .
.venv/bin/python -c 'import sys, torch, mmcv, mmengine, mmpose; from importlib.util import find_spec
print(f"Python {sys.version.split()[0]}, PyTorch {torch.__version__}, mmcv {mmcv.__version__}",
      "full" if find_spec("mmcv._ext") else "lite", f"mmengine {mmengine.__version__}, mmpose {mmpose.__version__}")'
OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n "${WORKERS:-2}" "$@"
