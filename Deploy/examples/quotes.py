#!/usr/bin/python3
"""Prints each quote of results.quotes once, as any other system would read them.

Needs confluent-kafka (PyPI, or Debian's python3-confluent-kafka). Environment: KAFKA_BOOTSTRAP_SERVERS, VOICE_TOPIC_PREFIX,
and KAFKA_GROUP (a name of your own: where it left off is kept under it).
"""
import json
import os

from confluent_kafka import Consumer

consumer = Consumer({
    "bootstrap.servers": os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"),
    "group.id": os.environ.get("KAFKA_GROUP", "quotes-example"),
    "auto.offset.reset": "earliest",
    # Results are written in transactions: what was not committed is not there.
    "isolation.level": "read_committed",
})
consumer.subscribe([os.environ.get("VOICE_TOPIC_PREFIX", "voice.") + "results.quotes"])
seen = set()  # a real system keeps these with its rows
try:
    while True:
        record = consumer.poll(1.0)
        if record is None or record.error():
            continue
        event_id = dict(record.headers())["ce_id"].decode()
        if event_id in seen:
            continue
        seen.add(event_id)
        quote = json.loads(record.value())
        print(event_id, quote["price"], quote["currency"], quote.get("details", ""), flush=True)
except KeyboardInterrupt:
    consumer.close()
