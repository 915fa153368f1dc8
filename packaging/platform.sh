#!/bin/sh
# The platform of a Rust target in the words of the registries: packaging/platform.sh aarch64-unknown-linux-musl prints linux_arm64.
set -eu
case $1 in
    *-linux-*) system=linux ;;
    *-darwin) system=darwin ;;
    *-windows-*) system=windows ;;
    *) echo "no registry has providers for $1" >&2 && exit 1 ;;
esac
case $1 in
    x86_64-*) machine=amd64 ;;
    aarch64-*) machine=arm64 ;;
    arm-* | armv7-*) machine=arm ;;
    s390x-*) machine=s390x ;;
    *) echo "no registry has providers for $1" >&2 && exit 1 ;;
esac
echo "${system}_$machine"
