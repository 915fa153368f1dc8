#!/bin/sh
# Packs what packaging/build.sh made.
#
#   packaging/pack.sh FOLDER PLATFORM DIST
#
# DIST gets the ZIP archive of the platform (such as linux_amd64) as the registries expect it, and the SBOM beside it. Equal
# files give equal bytes.
set -eu
command -v zip >/dev/null || { echo 'zip is missing: install it (package zip)' >&2; exit 1; }
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/../Cargo.toml" | head -n 1)
mkdir -p "$3"
dist=$(cd "$3" && pwd)
name=terraform-provider-mesh_${version}_$2
epoch=$("$here/epoch.sh")

copy=$(mktemp -d "${TMPDIR:-/tmp}/mesh-package.XXXXXX")
trap 'rm -rf "$copy"' EXIT
cp "$1"/* "$copy/"
cd "$copy"
mv sbom.cdx.json "$dist/$name.cdx.json"
# An archive has the time and the permissions of each file.
chmod 644 ./*
chmod 755 ./terraform-provider-mesh_v*
export TZ=UTC
moment=$(date -d "@$epoch" +%Y%m%d%H%M.%S 2>/dev/null || date -r "$epoch" +%Y%m%d%H%M.%S)
touch -t "$moment" ./*
rm -f "$dist/$name.zip"
zip -q -X -9 "$dist/$name.zip" LICENSE THIRD-PARTY-NOTICES terraform-provider-mesh_v*
echo "$dist/$name.zip" >&2
