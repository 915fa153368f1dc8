#!/bin/sh
# Runs every fuzz target for FUZZ_SECONDS, two at a time, and prints how many executions each made. Corpus and finds are kept
# in target/fuzz, so that a run goes on where the last one ended. Names of targets as arguments run only these.
set -eu
cd "$(dirname "$0")/../.."
folder="$PWD/target/fuzz"
seconds="${FUZZ_SECONDS:-900}"
host="$(rustc -vV | sed -n 's/^host: //p')"
mkdir -p "$folder"
CARGO_TARGET_DIR="$folder" nice cargo fuzz build --sanitizer none --fuzz-dir tests/fuzz
[ $# -gt 0 ] || set -- msgpack json_state private_data managed_fields references patterns certificates kubeconfig

fuzz() {
    name="$1"
    mkdir -p "$folder/corpus/$name" "$folder/finds/$name" "tests/fuzz/seeds/$name"
    result=ended
    nice -n 19 "$folder/$host/release/$name" -max_total_time="$seconds" -max_len=16384 -timeout=10 \
        -rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix="$folder/finds/$name/" \
        "$folder/corpus/$name" "tests/fuzz/seeds/$name" >"$folder/$name.log" 2>&1 || result='FOUND SOMETHING'
    executions="$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/$name.log")"
    echo "$name: $result, ${executions:-?} executions in ${seconds} s at most; $folder/$name.log"
    [ "$result" = ended ]
}

status=0
while [ $# -gt 0 ]; do
    fuzz "$1" & first=$!
    shift
    if [ $# -gt 0 ]; then
        fuzz "$1" || status=1
        shift
    fi
    wait "$first" || status=1
done
exit "$status"
