#!/bin/sh
# Turns a checkout with its npm packages into what an image runs: built, without what only building and testing need.
# usage: build.sh [EXTRA_PACKAGE…]   packages that only this image has, e.g. @tensorflow/tfjs-node-gpu@4.22.0
set -eu
cd "$(dirname "$0")/../.."

node scripts/setup.mjs --only build
npm prune --omit=dev --ignore-scripts --no-audit --no-fund
# After pruning, which would take them away again: they are optional peers, not in the lock file.
if [ $# -gt 0 ]; then
  npm install --no-save --omit=dev --no-audit --no-fund "$@"
fi
# onnxruntime-node brings its library for all platforms along: some 250 MB that this one cannot load.
platform=$(node -p 'process.platform + "/" + process.arch')
for library in node_modules/onnxruntime-node/bin/napi-v6/*/*; do
  case $library in
    */"$platform") ;;
    *) rm -rf "$library" ;;
  esac
done
