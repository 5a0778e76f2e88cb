#!/bin/sh
# Adds the CUDA provider to the installed onnxruntime-node. npm's package leaves it out, as too big; the package's own install
# script, which set-up does not run, fetches it from NuGet: a download of some 300 MB, for Linux on x64 only.
set -eu
cd "$(dirname "$0")/../.."

package=node_modules/onnxruntime-node
libraries=$package/bin/napi-v6/linux/x64

# "cuda12" is the only set that the script knows. What it fetches under that name is of the package's own version, and built for
# CUDA 13 since ONNX Runtime 1.27: verify-libraries.sh tells if the base image has another.
ONNXRUNTIME_NODE_INSTALL=cuda12 node "$package/script/install.js"
for library in libonnxruntime_providers_shared.so libonnxruntime_providers_cuda.so; do
  if [ ! -f "$libraries/$library" ]; then
    echo "onnxruntime-node's install script ended without $libraries/$library" >&2
    exit 1
  fi
done
# TensorRT is not in the image.
rm -f "$libraries/libonnxruntime_providers_tensorrt.so"
