#!/bin/sh
# Proves that an image, or any installed folder, has all that the service needs. Run as the user who runs the service.
# usage: verify.sh [PACKAGE…]   packages that only this image has, e.g. @tensorflow/tfjs-node-gpu
set -eu
cd "$(dirname "$0")/../.."

ffmpeg -hide_banner -loglevel error -f lavfi -i color=size=16x16:duration=0.1 -f null -
ffprobe -version > /dev/null
node -e "const { createCanvas } = require('canvas'); createCanvas(16, 16).toBuffer('image/jpeg')"
for package in onnxruntime-node "$@"; do
  node -e 'require(process.argv[1])' "$package"
done
node bin/sightline.js --version
