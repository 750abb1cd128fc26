#!/usr/bin/python3
"""Writes the events and the levels of calls in progress to Kafka, without phones and models: for the figures of
results-sink and of the page. Runs with Debian's Python, which has confluent_kafka and protobuf.

    Tests/Browser/load.py --bootstrap localhost:9092 --calls 100 --minutes 10 [--prefix voice.]

In every call something is said each four seconds, and there are levels five times a second.
"""

import argparse
import importlib
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from confluent_kafka import Producer

SCHEMAS = Path(__file__).parents[2] / "Schemas"
LEVELS_EVERY = 0.2
EVENTS_EVERY = 4.0


def messages():
    """The Python modules of the schemas."""
    folder = tempfile.mkdtemp(prefix="lifehub-voice-schemas.")
    names = sorted(path.name for path in SCHEMAS.glob("*.proto"))
    subprocess.run(["protoc", f"-I{SCHEMAS}", f"--python_out={folder}", *names], check=True)
    sys.path.insert(0, folder)
    return importlib.import_module("events_pb2"), importlib.import_module("live_pb2")


class Call:
    """One call: what has happened in it so far."""

    def __init__(self, load, number: int):
        self.load = load
        self.sid = f"CA{uuid.uuid4().hex}"
        self.number = number
        self.said = 0
        self.write("requested", request_id=f"load-{number}", phone_number="+15551234567",
                   business_name=f"Business {number}", user_request="Get a quote for an oil change",
                   category="general", direction="outbound-api")
        self.write("status_changed", status="in-progress", sequence_number=2)
        self.write("session_claimed", instance="load")

    def write(self, kind: str, **fields) -> None:
        # Of the newest session, whose epoch is the offset of its claim: nobody fences this one.
        event = self.load.events.CallEvent(event_id=uuid.uuid4().hex, call_sid=self.sid, source="load",
                                           occurred_at_us=time.time_ns() // 1000, session_epoch=1 << 60)
        getattr(event, kind).SetInParent()
        for name, value in fields.items():
            setattr(getattr(event, kind), name, value)
        self.load.send("events", self.sid, event)

    def speak(self) -> None:
        self.said += 1
        speaker = 1 + self.said % 2
        self.write("utterance", item_id=f"item-{self.said}", speaker=speaker, text=f"This is sentence {self.said}.",
                   previous_item_id=f"item-{self.said - 1}" if self.said > 1 else "",
                   agent="main_concierge" if speaker == 2 else "", started_at_us=time.time_ns() // 1000)
        if speaker == 2:
            response = f"response-{self.said}"
            self.write("turn_measured", response_id=response, first_audio_ms=400, first_played_ms=700)
            self.write("response_done", response_id=response, status="completed", spoken_items=1,
                       cost_nanodollars=1_500_000)

    def end(self) -> None:
        self.write("status_changed", status="completed", sequence_number=3, duration_seconds=60)


class Load:
    def __init__(self, given):
        self.events, self.live = messages()
        self.prefix = given.prefix
        self.producer = Producer({
            "bootstrap.servers": given.bootstrap, "partitioner": "murmur2_random", "linger.ms": 2,
            "queue.buffering.max.messages": 200_000,
        })
        self.sent = 0

    def send(self, topic: str, sid: str, message) -> None:
        self.producer.produce(self.prefix + topic, key=sid, value=message.SerializeToString())
        self.sent += 1

    def levels(self, call: Call) -> None:
        update = self.live.LiveUpdate(call_sid=call.sid, at_us=time.time_ns() // 1000)
        update.levels.inbound_dbfs = -50 + (call.number + self.sent) % 40
        update.levels.outbound_dbfs = -10 - (call.number + self.sent) % 40
        self.send("live", call.sid, update)

    def run(self, count: int, seconds: float) -> None:
        calls = [Call(self, number) for number in range(count)]
        start = time.monotonic()
        tick = 0
        while time.monotonic() - start < seconds:
            # Evenly over the time, so that no two calls speak in the same moment by rule.
            for index, call in enumerate(calls):
                if (index / count + tick * LEVELS_EVERY / EVENTS_EVERY) % 1 < LEVELS_EVERY / EVENTS_EVERY:
                    call.speak()
                self.levels(call)
                self.producer.poll(0)
            tick += 1
            time.sleep(max(0, start + tick * LEVELS_EVERY - time.monotonic()))
        for call in calls:
            call.end()
        self.producer.flush(30)
        print(f"{self.sent} records in {time.monotonic() - start:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--prefix", default="voice.")
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=10)
    given = parser.parse_args()
    Load(given).run(given.calls, given.minutes * 60)


if __name__ == "__main__":
    main()
