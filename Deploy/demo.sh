#!/usr/bin/env bash
# One command, one whole phone call: see usage below.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    cat <<'USAGE'
Usage: Deploy/demo.sh [--keep] [--live +15551234567] [--port N]

Builds everything, starts the broker, HAProxy, the five stages and the simulators of Twilio and OpenAI Realtime on
loopback, places a call, prints the conversation as it happens, shows the rows in the database, and stops everything.
Exit 0 only if the quote of the spoken price is in the database and on the topic results.quotes.

  --keep            leave everything running after the call, until Ctrl-C
  --live NUMBER     a real call to NUMBER (E.164) instead of the simulators; needs TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN,
                    TWILIO_PHONE_NUMBER, OPENAI_API_KEY and PUBLIC_URL (an https address that leads to --port)
  --port N          HAProxy's port, the one address of the system (default 3000)
  --help            this text

Environment:
  KAFKA_BOOTSTRAP_SERVERS   a real broker instead of dev-broker
  TWILIO_SIMULATOR_SCRIPT, REALTIME_SIMULATOR_SCRIPT
                            JSON files of what businesses and model do, instead of the built-in conversation
  DEMO_DIR                  where logs, the database and the recording go (default: a new folder under /tmp)
  INGRESS_PORT 3001  SINK_PORT 3002  BROKER_PORT 9092  TWILIO_SIMULATOR_PORT 4010  REALTIME_SIMULATOR_PORT 4020
  INGRESS_ADMIN_PORT 9101  TRANSCODER_ADMIN_PORT 9102  SESSION_ADMIN_PORT 9103  COORDINATOR_ADMIN_PORT 9104
  SINK_ADMIN_PORT 9105
USAGE
}

keep=false
live=""
port=3000
while [ $# -gt 0 ]; do
    case "$1" in
        --keep) keep=true ;;
        --live) live="${2:?--live needs a phone number in E.164 form, such as +15551234567}"; shift ;;
        --port) port="${2:?--port needs a number}"; shift ;;
        --help | -h) usage; exit 0 ;;
        *) echo "demo.sh: unknown argument $1" >&2; usage >&2; exit 64 ;;
    esac
    shift
done

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
fail() { printf 'demo.sh: %s\n' "$1" >&2; exit "${2:-1}"; }

if [ -n "$live" ]; then
    for name in TWILIO_ACCOUNT_SID TWILIO_AUTH_TOKEN TWILIO_PHONE_NUMBER OPENAI_API_KEY PUBLIC_URL; do
        [ -n "${!name:-}" ] || fail "--live needs $name in the environment" 78
    done
fi

Deploy/packages.sh run

ingress_port="${INGRESS_PORT:-3001}" sink_port="${SINK_PORT:-3002}" broker_port="${BROKER_PORT:-9092}"
twilio_port="${TWILIO_SIMULATOR_PORT:-4010}" realtime_port="${REALTIME_SIMULATOR_PORT:-4020}"
ingress_admin="${INGRESS_ADMIN_PORT:-9101}" transcoder_admin="${TRANSCODER_ADMIN_PORT:-9102}"
session_admin="${SESSION_ADMIN_PORT:-9103}" coordinator_admin="${COORDINATOR_ADMIN_PORT:-9104}"
sink_admin="${SINK_ADMIN_PORT:-9105}"

wanted=("$port" "$ingress_port" "$sink_port" "$ingress_admin" "$transcoder_admin" "$session_admin"
    "$coordinator_admin" "$sink_admin")
[ -n "${KAFKA_BOOTSTRAP_SERVERS:-}" ] || wanted+=("$broker_port")
[ -n "$live" ] || wanted+=("$twilio_port" "$realtime_port")
for wanted_port in "${wanted[@]}"; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$wanted_port") 2>/dev/null; then
        fail "port $wanted_port is in use; stop what listens there, or choose another (Deploy/demo.sh --help)" 69
    fi
done

say "Building (the first time takes a few minutes)"
products=(twilio-ingress audio-transcoder realtime-session agent-coordinator results-sink call-watch)
[ -n "${KAFKA_BOOTSTRAP_SERVERS:-}" ] || products+=(dev-broker)
[ -n "$live" ] || products+=(twilio-simulator realtime-simulator call-recorder)
for product in "${products[@]}"; do
    echo "· $product"
    swift build --product "$product"
done
bin="$(swift build --show-bin-path)"

dir="${DEMO_DIR:-$(mktemp -d /tmp/lifehub-voice-demo.XXXXXX)}"
mkdir -p "$dir/recordings"
rm -f "$dir"/*.sqlite*

pids=()
cleanup() {
    trap - EXIT INT TERM
    local pid attempt
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do kill -TERM "${pids[i]}" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do
        for attempt in $(seq 100); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Starts a program with its output in a log file; it ends with this script, even when the script is killed.
start() {
    local name="$1"
    shift
    setpriv --pdeathsig TERM "$@" >"$dir/$name.log" 2>&1 &
    pids+=("$!")
}

wait_until() {
    local what="$1" log="$2"
    shift 2
    for _ in $(seq 600); do
        if "$@" >/dev/null 2>&1; then return; fi
        kill -0 "${pids[-1]}" 2>/dev/null || { tail -n 20 "$dir/$log.log" >&2; fail "$what ended; its log is above"; }
        sleep 0.1
    done
    tail -n 20 "$dir/$log.log" >&2
    fail "$what was not ready within 60 s; its log is above"
}

say "Starting (logs in $dir)"
export VOICE_TOPIC_PARTITIONS="${VOICE_TOPIC_PARTITIONS:-12}" LOG_LEVEL="${LOG_LEVEL:-info}"
if [ -z "${KAFKA_BOOTSTRAP_SERVERS:-}" ]; then
    export KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:$broker_port" VOICE_KAFKA_PROFILE=embedded
    start dev-broker "$bin/dev-broker" --port "$broker_port" --partitions "$VOICE_TOPIC_PARTITIONS"
    wait_until dev-broker dev-broker grep -q 'listening on' "$dir/dev-broker.log"
fi

token=()
if [ -n "$live" ]; then
    if [ -z "${VOICE_API_TOKEN:-}" ]; then
        VOICE_API_TOKEN="$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
        echo "· the token for the API and the monitor: $VOICE_API_TOKEN"
    fi
    export VOICE_API_TOKEN
    token=(-H "Authorization: Bearer $VOICE_API_TOKEN")
    number="$live"
else
    export VOICE_ALLOW_ANONYMOUS=true OPENAI_API_KEY=sk-demo TWILIO_PHONE_NUMBER=+15550001111
    export TWILIO_ACCOUNT_SID=AC00000000000000000000000000000001 TWILIO_AUTH_TOKEN=demo-auth-token
    export TWILIO_API_URL="http://127.0.0.1:$twilio_port" PUBLIC_URL="http://127.0.0.1:$port"
    export OPENAI_REALTIME_URL="ws://127.0.0.1:$realtime_port/v1/realtime"
    number=+15551234567
    start twilio-simulator "$bin/twilio-simulator" --port "$twilio_port" --recording-dir "$dir/recordings" \
        ${TWILIO_SIMULATOR_SCRIPT:+--script "$TWILIO_SIMULATOR_SCRIPT"}
    wait_until twilio-simulator twilio-simulator grep -q 'listening on' "$dir/twilio-simulator.log"
    start realtime-simulator "$bin/realtime-simulator" --port "$realtime_port" \
        ${REALTIME_SIMULATOR_SCRIPT:+--script "$REALTIME_SIMULATOR_SCRIPT"}
    wait_until realtime-simulator realtime-simulator grep -q 'listening on' "$dir/realtime-simulator.log"
fi

database="$dir/lifehub-voice.sqlite"
start results-sink env ADMIN_PORT="$sink_admin" HTTP_HOST=127.0.0.1 HTTP_PORT="$sink_port" \
    DATABASE_URL="sqlite:///$database" VOICE_INSTANCE_ID=results-sink-1 "$bin/results-sink"
start agent-coordinator env ADMIN_PORT="$coordinator_admin" VOICE_INSTANCE_ID=agent-coordinator-1 "$bin/agent-coordinator"
start realtime-session env ADMIN_PORT="$session_admin" VOICE_INSTANCE_ID=realtime-session-1 "$bin/realtime-session"
start audio-transcoder env ADMIN_PORT="$transcoder_admin" VOICE_INSTANCE_ID=audio-transcoder-1 "$bin/audio-transcoder"
start twilio-ingress env ADMIN_PORT="$ingress_admin" HTTP_HOST=127.0.0.1 HTTP_PORT="$ingress_port" \
    VOICE_INSTANCE_ID=twilio-ingress-1 "$bin/twilio-ingress"
for stage in "results-sink $sink_admin" "agent-coordinator $coordinator_admin" "realtime-session $session_admin" \
    "audio-transcoder $transcoder_admin" "twilio-ingress $ingress_admin"; do
    read -r name admin <<<"$stage"
    wait_until "$name" "$name" curl -sf "http://127.0.0.1:$admin/readyz"
    echo "· $name is ready"
done
export HAPROXY_PORT="$port" INGRESS_PORT="$ingress_port" INGRESS_ADMIN_PORT="$ingress_admin" SINK_PORT="$sink_port" \
    SINK_ADMIN_PORT="$sink_admin"
start haproxy "$(command -v haproxy || echo /usr/sbin/haproxy)" -db -f Deploy/haproxy.cfg
wait_until haproxy haproxy curl -s "http://127.0.0.1:$port/api/voice/stream"
echo "· haproxy is ready on port $port"

request="$(printf '{"phoneNumber": "%s", "businessName": "Test Business", "userRequest": "Get quote for service", "category": "general"}' "$number")"
say "curl -X POST http://localhost:$port/api/voice/initiate-call -H 'Content-Type: application/json' -d '$request'"
for _ in $(seq 100); do
    answer="$(curl -sS "${token[@]}" -X POST "http://localhost:$port/api/voice/initiate-call" \
        -H 'Content-Type: application/json' -d "$request")"
    # HAProxy's first health check of a stage may still be under way.
    [[ "$answer" == *"503 Service Unavailable"* ]] || break
    sleep 0.1
done
echo "$answer"
call_sid="$(jq -er .callSid <<<"$answer")" || fail "the call was not accepted"

say "Watch it, and end it: http://localhost:$port/#/calls/$call_sid"

say "The conversation"
verdict=0
watch=("$bin/call-watch" --bootstrap "$KAFKA_BOOTSTRAP_SERVERS" --profile "${VOICE_KAFKA_PROFILE:-kafka}"
    --partitions "$VOICE_TOPIC_PARTITIONS" --prefix "${VOICE_TOPIC_PREFIX:-voice.}" --call-sid "$call_sid")
if [ -n "$live" ]; then
    "${watch[@]}" --timeout 900 || verdict=$?
else
    "${watch[@]}" --expect-quote 45.00 --timeout 120 || verdict=$?
fi

say "curl http://localhost:$port/api/voice/stream"
curl -sS "http://localhost:$port/api/voice/stream"
echo

say "curl 'http://localhost:$port/api/voice/status?callSid=$call_sid'"
quotes=0
for _ in $(seq 100); do
    status="$(curl -sS "${token[@]}" "http://localhost:$port/api/voice/status?callSid=$call_sid")"
    quotes="$(sqlite3 "$database" "select count(*) from quotes where call_sid = '$call_sid' and price = '45.00'")"
    [ "$(jq -r .status <<<"$status")" != completed ] || { [ -z "$live" ] && [ "$quotes" = 0 ]; } || break
    sleep 0.1
done
jq . <<<"$status"

say "Quotes in the database ($database)"
sqlite3 -header -column "$database" "select business_name, price, currency, details, availability, quoted_at from quotes where call_sid = '$call_sid'"
[ -n "$live" ] || { [ "$quotes" = 1 ] || { echo "demo.sh: $quotes quotes of 45.00 in the database, expected 1" >&2; verdict=1; }; }
recording="$dir/recordings/$call_sid.wav"
[ -n "$live" ] || [ -s "$recording" ] || { echo "demo.sh: no recording at $recording" >&2; verdict=1; }
[ ! -s "$recording" ] || say "The call as a stereo recording: $recording"
if [ -z "$live" ]; then
    say "The same, rebuilt from the topics: call-recorder $call_sid"
    "$bin/call-recorder" "$call_sid" --output "$dir/$call_sid.wav" || echo "demo.sh: it could not be rebuilt" >&2
fi

if "$keep"; then
    say "Left running, until Ctrl-C: http://localhost:$port"
    wait "${pids[-1]}" || true
fi
if [ "$verdict" = 0 ]; then say "Done: the quote is in the database and on results.quotes"; else say "The demo failed; logs are in $dir"; fi
exit "$verdict"
