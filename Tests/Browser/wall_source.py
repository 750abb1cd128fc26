"""A stand-in for results-sink that has as many calls in progress as one likes: for the figures of the page alone."""

import json
import random
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PAGE = Path(__file__).parents[2] / "Sources/Stages/ResultsSink/Monitor"
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Calls:
    """Calls that begin, change and end at a given rate, so that always as many are in progress."""

    def __init__(self, count: int, changes_per_second: float, ends_per_second: float):
        self.random = random.Random(1)
        self.number = 0
        self.changes_per_second = changes_per_second
        self.ends_per_second = ends_per_second
        self.calls = [self.begin() for _ in range(count)]

    def begin(self) -> dict:
        self.number += 1
        return {
            "callSid": f"CA{self.number:032x}", "requestId": f"request-{self.number}",
            "businessName": f"Business {self.number}", "userRequest": "Get a quote for an oil change",
            "category": "general", "direction": "outbound-api", "status": "in-progress", "agent": "main_concierge",
            "outcome": None, "endReason": None, "startedAt": now(), "answeredAt": now(), "endedAt": None,
            "durationSeconds": 0, "inProgress": True, "cost": "0.0100", "usage": {}, "tone": None,
            "counts": {"quotes": 0, "appointments": 0, "orders": 0, "offers": 0, "comparisons": 0},
        }

    def changed(self, seconds: float) -> list[dict]:
        """What became of the calls in so many seconds."""
        events = []
        for _ in range(self.times(self.changes_per_second * seconds)):
            call = self.random.choice(self.calls)
            call["counts"]["quotes"] = call["counts"]["quotes"] % 3 + 1
            events.append(dict(call))
        for _ in range(self.times(self.ends_per_second * seconds)):
            index = self.random.randrange(len(self.calls))
            events.append({**self.calls[index], "inProgress": False, "status": "completed", "outcome": "success"})
            self.calls[index] = self.begin()
            events.append(dict(self.calls[index]))
        return events

    def times(self, mean: float) -> int:
        return int(mean) + (self.random.random() < mean % 1)

    def levels(self) -> dict:
        return {call["callSid"]: [self.random.uniform(-60, -10), self.random.uniform(-60, -10)] for call in self.calls}


class Source(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    calls: Calls

    def log_message(self, *arguments) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path == "/api/voice/events":
            self.stream()
        elif path == "/api/voice/login":
            self.answer(b'{"anonymous": true}', "application/json")
        elif path == "/api/voice/calls":
            self.answer(b'{"calls": [], "nextCursor": null}', "application/json")
        else:
            file = PAGE / ("index.html" if path == "/" else path.rsplit("/", 1)[1])
            self.answer(file.read_bytes(), TYPES[file.suffix])

    def answer(self, body: bytes, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            self.send([("call", call) for call in self.calls.calls] + [("ready", {})])
            tick = 0
            while True:
                changes = [("call", {**call, "recordedAt": now()}) for call in self.calls.changed(0.1)]
                self.send(changes + ([("levels", self.calls.levels())] if tick % 5 == 0 else []))
                tick += 1
                time.sleep(0.1)
        except OSError:
            pass

    def send(self, events: list) -> None:
        text = "".join(f"event: {name}\nid: {time.time()}\ndata: {json.dumps(data)}\n\n" for name, data in events)
        self.wfile.write(text.encode())


def serve(calls: Calls) -> str:
    """Starts it on a free port; returns its address."""
    Source.calls = calls
    server = ThreadingHTTPServer(("127.0.0.1", 0), Source)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"
