#!/usr/bin/env bash
# Everything that must hold before a change is merged: see usage below.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'USAGE'
Usage: Deploy/test.sh [--filter REGEX]

Installs the Debian packages that are missing, then: formatting (swift format), generated protocol buffers, build, all
tests: unit tests, and integration tests that start the real executables against dev-broker and the simulators on free
ports of loopback. Stops at the first step that fails. Every step has a time limit.

  --filter REGEX   only tests that match, as swift test does it
  --help           this text

Environment:
  TEST_JOBS                 parallel compile jobs (default: as many as there are cores)
USAGE
}

filter=()
while [ $# -gt 0 ]; do
    case "$1" in
        --filter) filter=(--filter "${2:?--filter needs a regular expression}"); shift ;;
        --help | -h) usage; exit 0 ;;
        *) echo "test.sh: unknown argument $1" >&2; usage >&2; exit 64 ;;
    esac
    shift
done

jobs=()
[ -z "${TEST_JOBS:-}" ] || jobs=(--jobs "$TEST_JOBS")
begin="$(date +%s)"

# Runs a step with a limit in seconds, and says how long it took.
step() {
    local name="$1" limit="$2" start status=0
    shift 2
    printf '\n\033[1m%s\033[0m\n' "$name"
    start="$(date +%s)"
    timeout --foreground --kill-after=20 "$limit" "$@" || status=$?
    if [ "$status" = 124 ] || [ "$status" = 137 ]; then
        echo "test.sh: “$name” was not done within $limit s" >&2
        exit 1
    elif [ "$status" != 0 ]; then
        echo "test.sh: “$name” failed (exit code $status)" >&2
        exit 1
    fi
    echo "· $(($(date +%s) - start)) s"
}

lint() {
    # Generated code is checked by the next step; the dependencies are not ours.
    find Sources Tests Package.swift -name '*.swift' ! -name '*.pb.swift' -print0 |
        xargs -0 swift format lint --strict --parallel
}
export -f lint

step "Packages" 900 Deploy/packages.sh test
step "Python packages" 600 Deploy/python.sh
step "Formatting" 120 bash -euo pipefail -c lint
step "Dependencies" 600 swift package resolve
step "Generated protocol buffers" 600 Schemas/generate.sh --check
step "Build, with tests" 1200 swift build --build-tests "${jobs[@]}"
if [ "${#filter[@]}" -gt 0 ]; then
    step "Tests" 900 swift test --skip-build "${filter[@]}"
else
    # Many tests run at once, but not so many that sockets and brokers starve each other.
    step "Unit tests" 1200 env SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=4 \
        swift test --skip-build --skip '^IntegrationTests\.'
    # One whole system at a time.
    step "Integration tests" 2400 swift test --skip-build --no-parallel --filter '^IntegrationTests\.'
fi
printf '\n\033[1mAll passed in %s s\033[0m\n' "$(($(date +%s) - begin))"
