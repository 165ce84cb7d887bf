#!/bin/sh
# All lints of the sources, after proof that each can fail; with --quick those that take no compiler, without the
# proof. Exit 1 when one finds something.
cd "$(dirname "$0")/../.." || exit 2
failed=0
export PYTHONDONTWRITEBYTECODE=1
quick=no
[ "${1:-}" != --quick ] || quick=yes
[ $quick = yes ] || python3 tests/lint/selftest.py || failed=1
find src tests -name '*.hpp' -o -name '*.cpp' | sort | xargs python3 tests/lint/co_await_lint.py || failed=1
python3 tests/lint/include_direction.py || failed=1
python3 tests/lint/doubled_words.py || failed=1
python3 tests/lint/plain_words.py || failed=1
python3 tests/lint/citations.py || failed=1
python3 tests/lint/log_events.py || failed=1
python3 tests/lint/logcheck_rules.py || failed=1
python3 tests/lint/named_tests.py || failed=1
python3 tests/lint/monitoring.py || failed=1
python3 tests/explorer/faults.py --check || failed=1
[ $quick = yes ] || python3 tests/lint/hardening.py --cmake || failed=1
python3 tests/lint/prose.py || failed=1
[ $quick = yes ] || python3 tests/lint/packaging.py || failed=1
[ $quick = yes ] || python3 tests/lint/header_alone.py || failed=1
[ $failed = 0 ] && echo "lint: nothing found"
exit $failed
