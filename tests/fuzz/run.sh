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

# run_target TARGET MAX_LEN SECONDS
run_target() {
    mkdir -p "$work/seeds/$1" # a target whose inputs make their own way
    if "$build/tests/fuzz/${1}_fuzz" -max_total_time="$3" -max_len="$2" -print_final_stats=1 \
        -artifact_prefix="$build/fuzz-findings/$1-" "$work/seeds/$1" > "$work/log" 2>&1; then
        echo "$1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log") executions of up to $2 octets," \
            "nothing found"
    else
        echo "$1: FOUND SOMETHING"
        tail -40 "$work/log"
        failed=1
    fi
}

for source in "$here"/*_fuzz.cpp; do
    target=$(basename "$source" _fuzz.cpp)
    if [ "$target" = policy ]; then
        # Small texts for the syntax; large ones, which are slow, for the limit of a reply.
        run_target policy 1024 $((seconds * 2 / 3))
        run_target policy 65536 $((seconds - seconds * 2 / 3))
    else
        run_target "$target" 1024 "$seconds"
    fi
done
exit $failed
