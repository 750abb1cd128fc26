#!/usr/bin/env bash
# Regenerates Sources/CallEvents/Generated from Schemas/*.proto, which are the only source of the wire format.
# With --check it changes nothing and fails when what is committed differs. Needs protoc (Debian: protobuf-compiler).
set -euo pipefail
cd "$(dirname "$0")/.."

command -v protoc >/dev/null || { echo "generate.sh: protoc not found; apt-get install protobuf-compiler" >&2; exit 69; }
swift build --product protoc-gen-swift
plugin="$(swift build --show-bin-path)/protoc-gen-swift"

committed=Sources/CallEvents/Generated
out="$committed"
if [ "${1:-}" = --check ]; then
    out="$(mktemp -d)"
    trap 'rm -rf "$out"' EXIT
fi
mkdir -p "$out"
protoc --plugin=protoc-gen-swift="$plugin" --proto_path=Schemas \
    --swift_opt=Visibility=Package --swift_opt=UseAccessLevelOnImports=true --swift_out="$out" Schemas/*.proto
if [ "${1:-}" = --check ]; then
    diff -r "$committed" "$out" || { echo "generate.sh: generated code is out of date; run Schemas/generate.sh" >&2; exit 1; }
fi
