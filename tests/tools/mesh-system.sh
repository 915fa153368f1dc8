#!/bin/sh
# Checks that this machine can run the mesh of the tests, and installs the programs that are missing where apt-get can.
# Otherwise it fails, with one line that says what is missing.
set -eu

fail() {
    echo "The tests with a real mesh $1. \`MESH=no make test\` runs all other tests." >&2
    exit 1
}
[ "$(uname -s)" = Linux ] || fail 'need Linux, whose network namespaces the workloads have'
[ "$(id -u)" = 0 ] || fail 'need root, to make network namespaces'

# What each program is in, in Debian's words.
packages='' programs=''
for program in ip=iproute2 iptables=iptables python3=python3 unshare=util-linux nsenter=util-linux setpriv=util-linux getent=libc-bin; do
    command -v "${program%=*}" >/dev/null || { packages="$packages ${program#*=}" programs="$programs ${program%=*}"; }
done
python3 -m pip --version >/dev/null 2>&1 || { packages="$packages python3-pip" programs="$programs pip"; }
if [ -n "$packages" ]; then
    command -v apt-get >/dev/null || fail "need these programs, which are missing:$programs"
    echo "installing$packages" >&2
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # The names are words.
    { apt-get update && apt-get install --yes --no-install-recommends $packages; } >&2 || fail "need these programs, which apt-get can't install:$programs"
fi
unshare --net --mount --pid --fork true 2>/dev/null || fail 'need network namespaces, which root may not make here'
