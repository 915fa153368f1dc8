#!/bin/sh
# The time of the sources, in seconds since 1970: SOURCE_DATE_EPOCH where it is set, or else the time of the last commit.
set -eu
cd "$(dirname "$0")"
# ZIP archives have no time before 1980.
echo "${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 315532800)}"
