#!/bin/sh
# Proves that an image, or any installed folder, has all that the service needs. Run as the user who runs the service.
set -eu
cd "${1:-$(dirname "$0")/../..}"

ffmpeg -hide_banner -loglevel error -f lavfi -i color=size=16x16:duration=0.1 -f null -
ffprobe -version > /dev/null
node -e "const { createCanvas } = require('canvas'); createCanvas(16, 16).toBuffer('image/jpeg')"
node bin/sightline.js --version
