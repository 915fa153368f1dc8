#!/bin/sh
# Adds to the packed archives what the registries expect beside them: the manifest, the checksums, and their signature.
#
#   packaging/checksums.sh DIST [KEY]
#
# KEY is a file with an OpenPGP private key (gpg --export-secret-keys --armor), whose passphrase is in SIGNING_PASSPHRASE if it
# has one. Without KEY nothing is signed.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
key=${2:-}
case $key in '' | /*) ;; *) key=$PWD/$key ;; esac
cd "$1"
release=terraform-provider-mesh_$version
cp "$root/terraform-registry-manifest.json" "${release}_manifest.json"
rm -f "${release}_SHA256SUMS" "${release}_SHA256SUMS.sig"
if command -v sha256sum >/dev/null; then sum=sha256sum; else sum='shasum -a 256'; fi
# Names in the order of their bytes, on every machine.
LC_ALL=C
export LC_ALL
$sum "${release}"_*.zip "${release}_manifest.json" >checksums
mv checksums "${release}_SHA256SUMS"
[ -n "$key" ] || { echo 'SIGNING_KEY is not set: the checksums have no signature, and no registry takes them' >&2; exit 0; }

command -v gpg >/dev/null || { echo 'gpg is missing: install it (package gnupg)' >&2; exit 1; }
# The socket of gpg's agent is in this folder, and its path must be short.
GNUPGHOME=$(mktemp -d /tmp/mesh-gpg.XXXXXX)
export GNUPGHOME
trap 'gpgconf --kill all; rm -rf "$GNUPGHOME"' EXIT
gpg --batch --quiet --pinentry-mode loopback --passphrase-fd 0 --import "$key" <<PASSPHRASE
${SIGNING_PASSPHRASE:-}
PASSPHRASE
# 1 is RSA, and 17 is DSA.
gpg --list-secret-keys --with-colons | grep -Eq '^sec:[^:]*:[^:]*:(1|17):' || {
    echo "$key is neither an RSA nor a DSA key: the registries take no other" >&2
    exit 1
}
gpg --batch --quiet --pinentry-mode loopback --passphrase-fd 0 --digest-algo SHA512 --detach-sign \
    --output "${release}_SHA256SUMS.sig" "${release}_SHA256SUMS" <<PASSPHRASE
${SIGNING_PASSPHRASE:-}
PASSPHRASE
gpg --batch --quiet --verify "${release}_SHA256SUMS.sig" "${release}_SHA256SUMS" 2>/dev/null
