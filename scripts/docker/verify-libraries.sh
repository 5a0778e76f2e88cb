#!/bin/sh
# Proves that an image has what libraries for an NVIDIA GPU need, which shows without a GPU.
# usage: verify-libraries.sh LIBRARY…   each a path, or a name that something loads by itself when it runs, e.g. libcudnn.so.9
# The driver (libcuda.so.1) is of the host, and there only when a container is started with --gpus.
set -eu

# The loader itself is asked, by its own rules, and runs nothing: it lists what it would load.
failed=0
for library in "$@"; do
  listing=$(LD_TRACE_LOADED_OBJECTS=1 LD_PRELOAD="$library" /usr/bin/env 2>&1 || true)
  missing=$(echo "$listing" | grep -e 'cannot be preloaded' -e ' => not found' -e 'version .* not found' | grep -v 'libcuda\.so\.1 ' || true)
  if [ -n "$missing" ]; then
    echo "$library does not load in this image:" >&2
    echo "$missing" >&2
    failed=1
  fi
done
if [ "$failed" -ne 0 ]; then
  echo 'take a base image that has what is not found: docker build --build-arg CUDA_IMAGE=… (target gpu) or CUDA_11_IMAGE=… (target gpu-tfjs)' >&2
fi
exit "$failed"
