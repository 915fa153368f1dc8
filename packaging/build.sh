#!/bin/sh
# Builds what the package of one target holds.
#
#   packaging/build.sh TARGET FOLDER
#
# Into FOLDER go the provider's binary, the licence, the notices of the crates in it, and an SBOM (CycloneDX). The bytes depend
# on the sources and tools alone: neither on the folders that they are in, nor on the time. Binaries for Linux are static.
set -eu
target=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
ending=
built=${CARGO_TARGET_DIR:-target}
mkdir -p "$built"
built=$(cd "$built" && pwd)

for tool in auditable cyclonedx about; do
    cargo "$tool" --version >/dev/null 2>&1 || {
        echo "cargo-$tool is missing: cargo install --locked cargo-auditable cargo-cyclonedx && cargo install --locked cargo-about --features cli" >&2
        exit 1
    }
done

# The path of a folder as the compiler has it: on Windows it is another than the shell's.
native() { (cd "$1" && { pwd -W 2>/dev/null || pwd; }); }
# Flags are separated by this character, since paths may contain spaces.
separator=$(printf '\037')
flags="--remap-path-prefix=$(native .)=."
flags="$flags$separator--remap-path-prefix=$(native "${CARGO_HOME:-$HOME/.cargo}")=cargo"
# The last prefix that fits counts, and the target folder may be inside of the sources.
flags="$flags$separator--remap-path-prefix=$(native "$built")=target"
command=build
case $target in
    *-linux-musl*)
        # zig is a C compiler and linker for every target of musl.
        command=zigbuild
        ;;
    *-windows-*) ending=.exe ;;
esac
case $target in
    # On Windows the alternative is a runtime library that many machines don't have.
    *-linux-* | *-windows-msvc) flags="$flags$separator-Ctarget-feature=+crt-static" ;;
esac
host=$(rustc -vV | sed -n 's/^host: //p')
case $target in
    "$host") ;;
    *-linux-gnu)
        # The cross compiler of Debian, which the C code is built with as well.
        name=CARGO_TARGET_$(echo "$target" | tr 'a-z-' 'A-Z_')_LINKER
        export "$name=$(echo "$target" | sed 's/-unknown//')-gcc"
        ;;
esac
CARGO_ENCODED_RUSTFLAGS=$flags cargo auditable "$command" --release --locked --target "$target"

rm -rf "${folder:?}"/*
cp "$built/$target/release/terraform-provider-mesh$ending" "$folder/terraform-provider-mesh_v$version$ending"
case $target in
    *-linux-*)
        if readelf --dynamic "$folder/terraform-provider-mesh_v$version" | grep NEEDED >&2; then
            echo 'the binary is not static: it needs these libraries' >&2
            exit 1
        fi
        ;;
esac
cp LICENSE "$folder/LICENSE"
cargo about -L error generate --frozen --fail --config "$here/about.toml" --target "$target" --output-file "$folder/THIRD-PARTY-NOTICES" "$here/notices.hbs"
# The tool writes beside Cargo.toml, and names this folder in the identifiers of the root package.
SOURCE_DATE_EPOCH=$("$here/epoch.sh") cargo cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps --target "$target" --override-filename "package-$target"
sed "s|path+file://$PWD|path+file:///|g" "package-$target.json" >"$folder/sbom.cdx.json"
rm "package-$target.json"
