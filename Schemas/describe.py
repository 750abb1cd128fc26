#!/usr/bin/python3
"""Writes the JSON Schemas of the result topics and asyncapi.yaml from a descriptor set of Schemas/*.proto.

Usage: describe.py DESCRIPTOR_SET DIRECTORY   (generate.sh calls it)

A message of results.proto becomes DIRECTORY/json/<Message>.schema.json when its comment begins with the topic that it is
the value of, such as "results.quotes: …". In a field's comment, `@required`, `@format NAME` and `@enum A B …` go into the
schema; the other lines become its description.
"""
import json
import os
import re
import sys

import yaml
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorSet

FORMATS = {
    "decimal": {"pattern": r"^[0-9]+\.[0-9]{2,}$"},
    "currency": {"pattern": r"^[A-Z]{3}$"},
    "date": {"format": "date", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    "local-time": {"pattern": r"^([01][0-9]|2[0-3]):[0-5][0-9]$"},
    "date-time": {"format": "date-time", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)$"},
}
SCALARS = {
    FieldDescriptorProto.TYPE_STRING: {"type": "string"},
    FieldDescriptorProto.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptorProto.TYPE_UINT32: {"type": "integer", "minimum": 0, "maximum": 4294967295},
    FieldDescriptorProto.TYPE_DOUBLE: {"type": "number"},
}
# Topics other than results: what they carry, and who writes and who reads them.
INTERNAL = {
    "audio.inbound.phone": ("AudioFrame", "Audio of the phone, mu-law 8 kHz.", "twilio-ingress", "audio-transcoder"),
    "audio.inbound.model": ("AudioFrame", "The same as the model takes it.", "audio-transcoder, twilio-ingress", "realtime-session"),
    "audio.outbound.model": ("AudioFrame", "What the model gave, and in-band controls.", "realtime-session", "audio-transcoder"),
    "audio.outbound.phone": ("AudioFrame", "The same in mu-law 8 kHz, and clear.", "audio-transcoder, realtime-session", "twilio-ingress"),
    "events": ("CallEvent", "Durable facts about a call.", "every stage", "agent-coordinator, realtime-session, results-sink"),
    "live": ("LiveUpdate", "Levels and partial transcripts, for eyes only.", "twilio-ingress, realtime-session", "results-sink"),
    "commands": ("CallCommand", "What the session is to do.", "agent-coordinator", "realtime-session"),
    "telephony": ("TelephonyCommand", "What is to be done with the line.", "agent-coordinator", "twilio-ingress"),
    "state": ("CallState", "The fold of a call's events; compacted.", "agent-coordinator", "agent-coordinator, realtime-session"),
    "requests": ("RequestRecord", "Claims of idempotency keys, and their outcome.", "twilio-ingress", "twilio-ingress"),
    "dead-letters": (None, "Bytes that could not be read; headers say why and where from.", "every stage", "operators"),
}
# audio.proto describes AudioFrame in words: its wire form is a fixed header and raw audio.
PROTO_OF = {"AudioFrame": "audio.proto"}


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


class Source:
    """One .proto file with its comments."""

    def __init__(self, file):
        self.file = file
        self.comments = {tuple(l.path): l.leading_comments for l in file.source_code_info.location}

    def messages(self):
        for index, message in enumerate(self.file.message_type):
            yield message, self.comments.get((4, index), ""), index

    def field_comment(self, message_index, field_index):
        return self.comments.get((4, message_index, 2, field_index), "")


def notes(comment):
    """The description of a comment, and its notes."""
    lines, found = [], {}
    for line in (line.strip() for line in comment.strip().splitlines()):
        note = re.match(r"@(\w+)\s*(.*)", line)
        if note:
            found[note.group(1)] = note.group(2).split()
        else:
            lines.append(line)
    return " ".join(lines), found


def schema(source, message, index, messages):
    properties, required = {}, []
    for field_index, field in enumerate(message.field):
        description, found = notes(source.field_comment(index, field_index))
        if field.type == FieldDescriptorProto.TYPE_MESSAGE:
            other, other_index = messages[field.type_name.rsplit(".", 1)[1]]
            value = schema(source, other, other_index, messages)
        else:
            value = dict(SCALARS[field.type])
        if "format" in found:
            value.update(FORMATS[found["format"][0]])
        if "enum" in found:
            value["enum"] = found["enum"]
        if field.label == FieldDescriptorProto.LABEL_REPEATED:
            value = {"type": "array", "items": value}
            if "required" in found:
                value["minItems"] = 1
        if description:
            value["description"] = description
        properties[camel(field.name)] = value
        if "required" in found:
            required.append(camel(field.name))
    result = {"type": "object", "properties": properties}
    if required:
        result["required"] = required
    # Fields are added in later versions: whoever reads passes over what it does not know.
    return result


def main(descriptors, directory):
    with open(descriptors, "rb") as file:
        files = {f.name: Source(f) for f in FileDescriptorSet.FromString(file.read()).file}
    proto_of = dict(PROTO_OF)
    for name, source in files.items():
        for message, _, _ in source.messages():
            proto_of[message.name] = name

    results = files["results.proto"]
    messages = {message.name: (message, index) for message, _, index in results.messages()}
    topics = {}
    os.makedirs(os.path.join(directory, "json"), exist_ok=True)
    for message, comment, index in results.messages():
        topic = re.match(r"\s*(results\.[a-z]+): (.*)", comment, re.DOTALL)
        if not topic:
            continue
        description = " ".join(topic.group(2).split())
        topics[topic.group(1)] = (message.name, description[0].upper() + description[1:])
        document = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": f"urn:lifehub:voice:v1:{message.name}",
            "title": message.name,
            "description": description[0].upper() + description[1:],
            **schema(results, message, index, messages),
        }
        with open(os.path.join(directory, "json", f"{message.name}.schema.json"), "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2, ensure_ascii=False)
            file.write("\n")
    asyncapi(os.path.join(directory, "asyncapi.yaml"), topics, proto_of)


def asyncapi(path, results, proto_of):
    channels, operations, documents = {}, {}, {}
    headers = {
        "type": "object",
        "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "content-type"],
        "properties": {
            "ce_specversion": {"type": "string", "const": "1.0"},
            "ce_id": {"type": "string", "description": "Stable: the same result never has another, so it serves to drop repeats."},
            "ce_type": {"type": "string", "description": "Such as lifehub.voice.quote.v1."},
            "ce_source": {"type": "string", "const": "/lifehub-voice/agent-coordinator"},
            "ce_time": {"type": "string", "format": "date-time"},
            "content-type": {"type": "string", "const": "application/json"},
        },
    }
    key = {"type": "string", "description": "The call's callSid."}

    def channel(topic, name, description, message):
        identifier = camel(topic.replace(".", "_").replace("-", "_"))
        channels[identifier] = {
            "address": "{prefix}" + topic,
            "description": description,
            "parameters": {"prefix": {"$ref": "#/components/parameters/prefix"}},
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        }
        documents[name] = message
        return identifier

    for topic, (name, description) in sorted(results.items()):
        identifier = channel(topic, name, description, {
            "name": name,
            "contentType": "application/json",
            "summary": description,
            "headers": {"$ref": "#/components/schemas/cloudEvent"},
            "payload": {"$ref": f"./json/{name}.schema.json"},
            "bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}},
        })
        operations[f"receive{identifier[0].upper()}{identifier[1:]}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{identifier}"},
            "summary": "Written by agent-coordinator, in transactions: read with isolation.level=read_committed.",
        }
    for topic, (name, description, writers, readers) in INTERNAL.items():
        name = name or "DeadLetter"
        payload = {"type": "string", "format": "binary"} if name == "DeadLetter" else {
            "schemaFormat": "application/vnd.google.protobuf;version=3",
            "schema": {"$ref": f"./{proto_of[name]}"},
        }
        channel(topic, name, f"{description} Internal: {writers} to {readers}.", {
            "name": name,
            "contentType": "application/octet-stream" if name in ("AudioFrame", "DeadLetter") else "application/x-protobuf",
            "payload": payload,
            "bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}},
        })
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "LifeHub Voice",
            "version": "1.0.0",
            "description": "Every Kafka topic of LifeHub Voice. The channels results.* are its public interface: proto3 JSON"
            " with CloudEvents attributes in the headers, keyed by callSid. The others are internal and may change.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "parameters": {
                "prefix": {"default": "voice.", "description": "VOICE_TOPIC_PREFIX of the deployment."},
            },
            "schemas": {"cloudEvent": headers},
            "messages": documents,
        },
    }
    with open(path, "w", encoding="utf-8") as file:
        file.write("# Written by generate.sh from the .proto files; do not edit.\n")
        yaml.safe_dump(document, file, sort_keys=False, allow_unicode=True, width=120)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
