#!/bin/sh
# Installs what packaging/build.sh needs for a target, on a machine with rustup: packaging/tools.sh TARGET
set -eu
target=$1
cargo install --locked cargo-auditable cargo-cyclonedx
cargo install --locked cargo-about --features cli
rustup target add "$target"
case $target in
    *-linux-musl*) python3 -m pip install ziglang==0.17.1 cargo-zigbuild==0.24.1 ;;
    s390x-unknown-linux-gnu) sudo apt-get update && sudo apt-get install --yes gcc-s390x-linux-gnu ;;
esac
