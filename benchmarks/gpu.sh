#!/usr/bin/env bash
# Time what docs/speed.md lacks: training steps on a GPU, in minutes, without data or weights. The most wanted comes first,
# and what a part printed stays if a later one fails or is stopped; give the same folder, and parts that are there are kept.
#
#     benchmarks/gpu.sh OUT
#     DEVICE=cpu BATCH=2 ROUNDS=1 benchmarks/gpu.sh OUT  # tries it where there is no GPU
set -euo pipefail
OUT=$(realpath -m "${1:?usage: benchmarks/gpu.sh OUT}")
cd "$(dirname "$0")/.."
mkdir -p "$OUT"
PYTHON=${PYTHON:-.venv/bin/python}
COMMON=(--device "${DEVICE:-cuda}" --batch-size "${BATCH:-64}" --rounds "${ROUNDS:-30}" --warm-up "${WARM_UP:-3}")
LITE=(configs/students/litehrnet18_simdr_coco-256x192.py configs/teachers/hrnet-w32_simdr_coco-256x192.py
    configs/baselines/kd_litehrnet18_hrnet-w32_coco-256x192.py configs/dwpose/dwpose-1_litehrnet18_hrnet-w32_coco-256x192.py
    configs/multi_kd/multi-kd_litehrnet18_hrnet-w32_coco-256x192.py)
RESNET=(configs/students/resnet18_simdr_coco-256x192.py configs/teachers/hrnet-w32_simdr_coco-256x192.py
    configs/baselines/kd_resnet18_hrnet-w32_coco-256x192.py --no-dwpose)
EAGER=(--cfg-options model.teacher.precision=bf16)
COMPILED=("${EAGER[@]}" model.teacher.compile=True optim_wrapper.optimizer.fused=True)
failed=0

part() {  # NAME SCRIPT ARGUMENTS...: its output becomes OUT/NAME.txt
    local name=$1
    shift
    [ -s "$OUT/$name.txt" ] && { echo "$name: kept"; return; }
    echo "$name: began $(date +%T)"
    if "$PYTHON" -W ignore "$@" > "$OUT/$name.tmp" 2> "$OUT/$name.err"; then
        mv "$OUT/$name.tmp" "$OUT/$name.txt"
        cat "$OUT/$name.txt"
    else
        failed=1
        echo "$name: failed" && tail -n 5 "$OUT/$name.err"
    fi
}

part lite_eager benchmarks/stock_cost.py "${LITE[@]}" "${COMMON[@]}" "${EAGER[@]}"
part resnet_eager benchmarks/stock_cost.py "${RESNET[@]}" "${COMMON[@]}" "${EAGER[@]}"
part lite_compiled benchmarks/stock_cost.py "${LITE[@]}" "${COMMON[@]}" "${COMPILED[@]}"
part resnet_compiled benchmarks/stock_cost.py "${RESNET[@]}" "${COMMON[@]}" "${COMPILED[@]}"
part lite_memory benchmarks/stock_cost.py "${LITE[@]}" "${COMMON[@]}" --memory "${EAGER[@]}"
part resnet_memory benchmarks/stock_cost.py "${RESNET[@]}" "${COMMON[@]}" --memory "${EAGER[@]}"
part systems benchmarks/step_cost.py "${LITE[0]}" \
    configs/baselines/{kd,fitnet,rkd,at,sp,review-kd}_litehrnet18_hrnet-w32_coco-256x192.py "${LITE[4]}" \
    configs/two_stage/two-stage-1_litehrnet18_hrnet-w32_coco-256x192.py "${COMMON[@]}" "${EAGER[@]}"
exit $failed
