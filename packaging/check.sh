#!/bin/sh
# Checks that a release doesn't depend on the machine that builds it: copies the sources into two folders of different depth,
# makes the package of TARGET in each, and compares the bytes. No path of either folder, nor of this user, may be in the binary.
#
#   packaging/check.sh TARGET DIST
#
# DIST gets the package of the first folder. CHECK_FOLDER is where the two folders are made, and kept if it is set.
set -eu
target=$1
mkdir -p "$2"
dist=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
platform=$("$here/platform.sh" "$target")
SOURCE_DATE_EPOCH=$("$here/epoch.sh")
export SOURCE_DATE_EPOCH
scratch=${CHECK_FOLDER:-$(mktemp -d "${TMPDIR:-/tmp}/mesh-check.XXXXXX")}
[ -n "${CHECK_FOLDER:-}" ] || trap 'rm -rf "$scratch"' EXIT
unset CARGO_TARGET_DIR

cd "$here/.."
for folder in "$scratch/one" "$scratch/two/deeper"; do
    mkdir -p "$folder/dist"
    # Also what isn't committed yet.
    git ls-files --cached --others --exclude-standard | tar -cf - -T - | tar -xf - -C "$folder"
    "$folder/packaging/build.sh" "$target" "$folder/target/package"
    "$folder/packaging/pack.sh" "$folder/target/package" "$platform" "$folder/dist"
    for path in "$folder" "$HOME"; do
        if grep -aqF "$path/" "$folder"/target/package/*; then
            echo "the package contains paths below $path:" >&2
            grep -aoF "$path/" "$folder"/target/package/* | sort | uniq -c >&2
            exit 1
        fi
    done
done
for file in "$scratch"/one/dist/*; do
    cmp "$file" "$scratch/two/deeper/dist/$(basename "$file")"
done
cp "$scratch"/one/dist/* "$dist"
echo "two folders gave the same bytes for $target" >&2
