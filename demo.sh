#!/usr/bin/env bash
# The main job on real data: trains a network on Fashion-MNIST, compresses it to several rates and judges the result.
set -eu
eigenbit=${1:-build}/eigenbit
out=demo
mkdir -p "$out"

echo "== Training ResNet-8 on the 60,000 images of Fashion-MNIST"
"$eigenbit" train --model resnet8 --data fashion --val fashion --epochs 2 --batch 64 --lr 0.15 --warmup 0.2 \
    --nesterov --weight-decay 5e-4 --no-augment --out "$out/fashion.onnx"

echo "== Compressing it: plain quantization, the KLT, and the best transform of each layer"
"$eigenbit" compress "$out/fashion.onnx" --data fashion --val fashion --rate 8,4,3,2,1.5,1 --transform none,klt,auto \
    --images 512 --out "$out/fashion.ebit" --report "$out/report.html" --plot "$out/rate-accuracy.svg"

echo "== Done: $out/report.html and $out/rate-accuracy.svg show the curves"
