#!/usr/bin/env bash
# Makes Recordings/*.ulaw (G.711 mu-law, 8 kHz, mono, no header) from Recordings/utterances.tsv.
# Needs espeak-ng 1.51 and sox 14.4.2; the result is the same on each run.
set -euo pipefail
cd "$(dirname "$0")/Recordings"

# Ends are trimmed and pauses inside cut to 160 ms, so that no turn detector splits an utterance;
# the peak is -3 dBFS.
telephone() { # INPUT OUTPUT
    sox -D -v 0.7 "$1" -t raw -r 8000 -c 1 -e mu-law -b 8 "$2" \
        highpass 120 rate -h 8000 \
        silence -l 1 0.02 0.4% -1 0.16 0.4% \
        reverse silence 1 0.01 0.4% reverse \
        gain -n -3
    # Whole 20 ms frames.
    local missing=$((-$(stat -c %s "$2") % 160))
    head -c $((missing < 0 ? missing + 160 : missing)) /dev/zero | tr '\0' '\377' >>"$2"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

while IFS=$'\t' read -r name speaker text; do
    case "$speaker" in
        business) voice=(-v en-us+m3 -s 150 -p 38) ;;
        agent) voice=(-v en-gb+f4 -s 165 -p 62) ;;
    esac
    if [[ "$name" == hum ]]; then
        # Somebody clears their throat: 0.4 s of band-limited noise.
        sox -D -R -n -r 16000 -c 1 "$scratch/in.wav" synth 0.4 pinknoise band 500 700 fade h 0.03 0.4 0.15 gain -n -3
    else
        espeak-ng "${voice[@]}" -w "$scratch/in.wav" -- "$text"
    fi
    telephone "$scratch/in.wav" "$name.ulaw"
done <utterances.tsv
