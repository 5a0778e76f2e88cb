#!/bin/sh
# Prepares the base image that the service runs in: system packages, and a user who is not root.
set -eu

# canvas was compiled against cairo, Pango, giflib and librsvg; libjpeg, whose package is called differently on Debian and
# Ubuntu, comes along with librsvg. verify.sh tells if one is missing.
apt-get update
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
  ca-certificates ffmpeg fonts-dejavu-core tini libcairo2 libpango-1.0-0 libpangocairo-1.0-0 libgif7 librsvg2-2
rm -rf /var/lib/apt/lists/*

useradd --system --create-home --uid 10001 --shell /usr/sbin/nologin sightline
