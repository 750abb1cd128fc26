#!/usr/bin/env bash
# Runs Python with the packages of Tests/requirements.txt, which it installs from PyPI into .build/python when they are
# not there yet; asks for nothing, and several at once wait for each other.
#   Deploy/python.sh            only installs
#   Deploy/python.sh ARGUMENTS  python ARGUMENTS
set -euo pipefail

root="$(cd "$(dirname "$0")/.." && pwd)"
venv="$root/.build/python"
requirements="$root/Tests/requirements.txt"

install() {
    cmp -s "$requirements" "$venv/installed.txt" && return
    echo "Installing the Python packages of Tests/requirements.txt into $venv" >&2
    # Debian's; another python3 may come first in PATH.
    /usr/bin/python3 -m venv --clear "$venv"
    timeout 600 "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -r "$requirements" >&2
    cp "$requirements" "$venv/installed.txt"
}

mkdir -p "$root/.build"
(
    flock 9
    install
) 9>"$root/.build/python.lock"
[ "$#" = 0 ] || exec "$venv/bin/python" "$@"
