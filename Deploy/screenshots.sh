#!/usr/bin/env bash
# Takes the pictures of the call monitor in Deploy/screenshots again: brings up the demo with the simulators, makes calls
# and photographs the views in Chromium.
#   Deploy/screenshots.sh [PORT]   of the demo (default 3000); Deploy/demo.sh --help has the other ports
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
    --help | -h) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
port="${1:-3000}"
Deploy/packages.sh test
Deploy/python.sh

scenes="$PWD/Tests/Browser/scenes"
export DEMO_DIR TWILIO_SIMULATOR_SCRIPT="$scenes/businesses.json" REALTIME_SIMULATOR_SCRIPT="$scenes/model.json"
DEMO_DIR="$(mktemp -d /tmp/lifehub-voice-screenshots.XXXXXX)"
log="$DEMO_DIR/demo.log"
TWILIO_CALLS_PER_SECOND=5 setpriv --pdeathsig TERM Deploy/demo.sh --keep --port "$port" >"$log" 2>&1 &
demo=$!
trap 'kill -TERM "$demo" 2>/dev/null || true; wait "$demo" 2>/dev/null || true' EXIT
echo "Starting the demo (log in $log)"
for _ in $(seq 6000); do
    ! grep -q 'Left running' "$log" || break
    kill -0 "$demo" 2>/dev/null || { tail -n 20 "$log" >&2; exit 1; }
    sleep 0.2
done
mkdir -p Deploy/screenshots
Deploy/python.sh Tests/Browser/screenshots.py "http://127.0.0.1:$port" Deploy/screenshots
ls -l Deploy/screenshots
