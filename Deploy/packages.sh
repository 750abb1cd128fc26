#!/usr/bin/env bash
# Installs the Debian packages that are missing, and says which. Asks nothing; needs root or sudo only when some are.
#   Deploy/packages.sh run    what building, the stages and the demo need
#   Deploy/packages.sh test   that, and what the tests need
set -euo pipefail

usage() { sed -n '2,4s/^# \{0,1\}//p' "$0"; }

packages=(librdkafka-dev libpq-dev libssl-dev libsqlite3-dev zlib1g-dev tzdata pkg-config haproxy curl jq sqlite3 util-linux)
case "${1:-}" in
    run) ;;
    test)
        packages+=(protobuf-compiler python3-protobuf python3-yaml python3-jsonschema python3-confluent-kafka)
        packages+=(postgresql python3-venv chromium esbuild node-react node-react-dom)
        ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; exit 64 ;;
esac

if ! command -v swift >/dev/null; then
    echo "packages.sh: swift is not installed; Swift 6.3 or newer is needed, see https://www.swift.org/install" >&2
    exit 69
fi
if ! command -v dpkg-query >/dev/null; then
    echo "packages.sh: not a Debian system; needed are the equivalents of: ${packages[*]}" >&2
    exit 0
fi

missing=()
for package in "${packages[@]}"; do
    state="$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)"
    [[ "$state" == ii* ]] || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

echo "Installing Debian packages: ${missing[*]}"
sudo=()
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
        echo "packages.sh: run this as root first: apt-get install ${missing[*]}" >&2
        exit 77
    fi
    sudo=(sudo -n)
fi
apt() { timeout 600 "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@"; }
apt update -qq || echo "packages.sh: the package lists could not all be updated; trying with what is there" >&2
apt install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
# Installed as services on the way; this system starts its own.
for service in haproxy postgresql; do
    if [[ " ${missing[*]} " == *" $service "* ]] && [ -d /run/systemd/system ]; then
        "${sudo[@]}" systemctl disable --now "$service" >/dev/null 2>&1 || true
    fi
done
