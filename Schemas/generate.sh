#!/usr/bin/env bash
# Regenerates what follows from Schemas/*.proto, the only source of the wire format: Sources/CallEvents/Generated (Swift),
# Schemas/json (JSON Schemas of the result topics) and Schemas/asyncapi.yaml (every topic).
# With --check it changes nothing and fails when what is committed differs. Needs protoc and Python's protobuf and yaml
# (Debian: protobuf-compiler python3-protobuf python3-yaml).
set -euo pipefail
cd "$(dirname "$0")/.."

command -v protoc >/dev/null || { echo "generate.sh: protoc not found; apt-get install protobuf-compiler" >&2; exit 69; }
swift build --product protoc-gen-swift
plugin="$(swift build --show-bin-path)/protoc-gen-swift"

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/Generated" "$scratch/Schemas"
protoc --plugin=protoc-gen-swift="$plugin" --proto_path=Schemas \
    --swift_opt=Visibility=Package --swift_opt=UseAccessLevelOnImports=true --swift_out="$scratch/Generated" \
    --include_source_info --descriptor_set_out="$scratch/descriptors" Schemas/*.proto
# Debian's, which has the packages; another python3 may come first in PATH.
/usr/bin/python3 Schemas/describe.py "$scratch/descriptors" "$scratch/Schemas"

if [ "${1:-}" = --check ]; then
    for pair in Generated:Sources/CallEvents/Generated Schemas/json:Schemas/json \
        Schemas/asyncapi.yaml:Schemas/asyncapi.yaml; do
        diff -r "${pair#*:}" "$scratch/${pair%%:*}" ||
            { echo "generate.sh: ${pair#*:} is out of date; run Schemas/generate.sh" >&2; exit 1; }
    done
else
    mkdir -p Sources/CallEvents/Generated Schemas/json
    cp "$scratch/Generated"/* Sources/CallEvents/Generated/
    cp "$scratch/Schemas/json"/* Schemas/json/
    cp "$scratch/Schemas/asyncapi.yaml" Schemas/asyncapi.yaml
fi
