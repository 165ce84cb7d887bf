#!/bin/sh
# Runs every fuzz target for a while: run.sh BUILD_FOLDER [SECONDS_EACH]. Exit 1 when one finds something; the input
# that did it is kept in BUILD_FOLDER/fuzz-findings.
set -u
build=${1:?usage: run.sh BUILD_FOLDER [SECONDS_EACH]}
seconds=${2:-60}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
mkdir -p "$build/fuzz-findings"
python3 "$here/make_seeds.py" "$work/seeds" > "$work/log" || { cat "$work/log"; exit 2; }
failed=0
for source in "$here"/*_fuzz.cpp; do
    target=$(basename "$source" _fuzz.cpp)
    max_len=4096
    [ "$target" = policy ] && max_len=65536
    if "$build/tests/fuzz/${target}_fuzz" -max_total_time="$seconds" -max_len=$max_len -print_final_stats=1 \
        -artifact_prefix="$build/fuzz-findings/$target-" "$work/seeds/$target" > "$work/log" 2>&1; then
        echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log") executions, nothing found"
    else
        echo "$target: FOUND SOMETHING"
        tail -40 "$work/log"
        failed=1
    fi
done
exit $failed
