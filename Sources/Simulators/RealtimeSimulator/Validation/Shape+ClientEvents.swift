extension Shape {
    /// The client events by their type, without `type` and `event_id`, which all have.
    static let clientEvents: [String: (members: [String: Shape], required: [String])] = [
        "session.update": (["session": .session], ["session"]),
        "input_audio_buffer.append": (["audio": .text(characters: 0...(15 << 20))], ["audio"]),
        "input_audio_buffer.commit": ([:], []),
        "input_audio_buffer.clear": ([:], []),
        "conversation.item.create": (["item": .item, "previous_item_id": .optional(.text())], ["item"]),
        "conversation.item.retrieve": (["item_id": .text()], ["item_id"]),
        "conversation.item.truncate": (
            ["item_id": .text(), "content_index": .integer(0...Int.max), "audio_end_ms": .integer(0...Int.max)],
            ["item_id", "content_index", "audio_end_ms"]
        ),
        "conversation.item.delete": (["item_id": .text()], ["item_id"]),
        "response.create": (["response": .optional(.responseParameters)], []),
        "response.cancel": (["response_id": .optional(.text())], []),
    ]

    static let eventID = Shape.text(characters: 0...512)

    private static let format = Shape.variant(
        by: "type",
        [
            "audio/pcm": .object(["type": .text(), "rate": .integer(24000...24000)]),
            "audio/pcmu": .object(["type": .text()]),
            "audio/pcma": .object(["type": .text()]),
        ]
    )

    static let voices = ["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"]
    private static let voice = Shape.either([.choice(voices), .object(["id": .text()], required: ["id"])])
    private static let modalities = Shape.list(of: .choice(["audio", "text"]), count: 1...1)
    private static let maxOutputTokens = Shape.either([.integer(1...4096), .choice(["inf"])])
    private static let reasoning = Shape.object(
        ["effort": .choice(["minimal", "low", "medium", "high", "xhigh"])],
        required: ["effort"]
    )
    private static let prompt = Shape.optional(
        .object(["id": .text(), "version": .optional(.text()), "variables": .map(of: .anything)], required: ["id"])
    )

    private static let turnDetection = Shape.variant(
        by: "type",
        [
            "server_vad": .object([
                "type": .text(), "threshold": .number(0...1), "prefix_padding_ms": .integer(0...Int.max),
                "silence_duration_ms": .integer(0...Int.max), "idle_timeout_ms": .optional(.integer(5000...30000)),
                "create_response": .bool, "interrupt_response": .bool,
            ]),
            "semantic_vad": .object([
                "type": .text(), "eagerness": .choice(["low", "medium", "high", "auto"]),
                "create_response": .bool, "interrupt_response": .bool,
            ]),
        ]
    )

    /// `languages` and `keywords` are for gpt-transcribe; `delay` is for models of transcription sessions only.
    private static let transcription = Shape.variant(
        by: "model",
        Dictionary(
            uniqueKeysWithValues: [
                "gpt-transcribe", "whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe",
                "gpt-4o-transcribe-diarize",
            ].map { model in
                var members: [String: Shape] = ["model": .text(), "language": .text(), "prompt": .text()]
                if model == "gpt-transcribe" {
                    members["languages"] = .list(of: .text())
                    members["keywords"] = .list(of: .text())
                }
                return (model, .object(members))
            }
        )
    )

    static let session = Shape.object(
        [
            "type": .choice(["realtime"]),
            "model": .text(),
            "instructions": .text(),
            "output_modalities": modalities,
            "audio": .object([
                "input": .object([
                    "format": format,
                    "noise_reduction": .optional(
                        .object(
                            ["type": .choice(["near_field", "far_field"]), "strength": .number(0...1)],
                            required: ["type"]
                        )
                    ),
                    "transcription": .optional(transcription),
                    "turn_detection": .optional(turnDetection),
                ]),
                "output": .object(["format": format, "voice": voice, "speed": .number(0.25...1.5)]),
            ]),
            "tools": .list(of: tool),
            "tool_choice": toolChoice,
            "parallel_tool_calls": .bool,
            "reasoning": reasoning,
            "max_output_tokens": maxOutputTokens,
            "truncation": truncation,
            "tracing": tracing,
            "include": .list(of: .choice(["item.input_audio_transcription.logprobs"])),
            "prompt": prompt,
        ],
        required: ["type"]
    )

    static let responseParameters = Shape.object([
        "output_modalities": modalities,
        "instructions": .text(),
        "audio": .object(["output": .object(["format": format, "voice": voice])]),
        "tools": .list(of: tool),
        "tool_choice": toolChoice,
        "parallel_tool_calls": .bool,
        "reasoning": reasoning,
        "max_output_tokens": maxOutputTokens,
        "metadata": .optional(.map(of: .text(characters: 0...512), count: 0...16, keyCharacters: 0...64)),
        "prompt": prompt,
        "conversation": .choice(["auto", "none"]),
        "input": .list(of: inputItem),
    ])
}

extension Shape {
    private static let toolFilter = Shape.object(["tool_names": .list(of: .text()), "read_only": .bool])

    private static let tool = Shape.variant(
        by: "type",
        [
            "function": .object(
                [
                    "type": .text(), "name": .name(characters: 1...64), "description": .text(),
                    "parameters": .map(of: .anything),
                ],
                required: ["name"]
            ),
            "mcp": .object(
                [
                    "type": .text(), "server_label": .text(), "server_url": .text(), "connector_id": .text(),
                    "tunnel_id": .text(), "authorization": .text(), "headers": .optional(.map(of: .text())),
                    "allowed_tools": .optional(.either([.list(of: .text()), toolFilter])),
                    "require_approval": .optional(
                        .either([.choice(["always", "never"]), .object(["always": toolFilter, "never": toolFilter])])
                    ),
                    "server_description": .text(), "allowed_callers": .list(of: .choice(["direct", "programmatic"])),
                    "defer_loading": .bool,
                ],
                required: ["server_label"]
            ),
        ]
    )

    private static let toolChoice = Shape.either([
        .choice(["auto", "none", "required"]),
        .variant(
            by: "type",
            [
                "function": .object(["type": .text(), "name": .text()], required: ["name"]),
                "mcp": .object(
                    ["type": .text(), "server_label": .text(), "name": .optional(.text())],
                    required: ["server_label"]
                ),
            ]
        ),
    ])

    private static let truncation = Shape.either([
        .choice(["auto", "disabled"]),
        .object(
            [
                "type": .choice(["retention_ratio"]), "retention_ratio": .number(0...1),
                "token_limits": .object(["post_instructions": .integer(0...Int.max)]),
            ],
            required: ["type", "retention_ratio"]
        ),
    ])

    private static let tracing = Shape.either([
        .null, .choice(["auto"]),
        .object(["workflow_name": .text(), "group_id": .text(), "metadata": .map(of: .anything)]),
    ])
}

extension Shape {
    private static let inputText = Shape.object(["type": .text(), "text": .text()], required: ["text"])
    private static let inputAudio = Shape.object(
        ["type": .text(), "audio": .text(), "transcript": .optional(.text())],
        required: ["audio"]
    )
    private static let inputImage = Shape.object(
        ["type": .text(), "image_url": .text(), "detail": .choice(["auto", "low", "high"])],
        required: ["image_url"]
    )

    private static func content(_ kinds: [String: Shape]) -> Shape {
        .list(of: .variant(by: "type", kinds), count: 1...Int.max)
    }

    private static func anyItem(_ members: [String: Shape], required: [String]) -> Shape {
        let common: [String: Shape] = [
            "id": .text(characters: 1...32), "type": .text(), "object": .choice(["realtime.item"]),
            "status": .choice(["completed", "incomplete", "in_progress"]),
        ]
        return .object(common.merging(members) { $1 }, required: required)
    }

    private static func message(_ content: Shape) -> Shape {
        anyItem(["role": .text(), "content": content], required: ["content"])
    }

    private static let callID = Shape.name(characters: 1...64)

    private static let items: [String: Shape] = [
        "message": .variant(
            by: "role",
            [
                "system": message(content(["input_text": inputText])),
                "user": message(
                    content(["input_text": inputText, "input_audio": inputAudio, "input_image": inputImage])
                ),
                "assistant": message(
                    content(["output_text": .object(["type": .text(), "text": .text()], required: ["text"])])
                ),
            ]
        ),
        "function_call": anyItem(
            ["call_id": callID, "name": .name(characters: 1...64), "arguments": .text()],
            required: ["name", "arguments"]
        ),
        "function_call_output": anyItem(
            ["call_id": callID, "output": .text()],
            required: ["call_id", "output"]
        ),
        "mcp_approval_response": anyItem(
            ["approval_request_id": .text(), "approve": .bool, "reason": .optional(.text())],
            required: ["id", "approval_request_id", "approve"]
        ),
    ]

    /// An item that a client may create.
    static let item = Shape.variant(by: "type", items)

    /// An item of a response's own input.
    private static let inputItem = Shape.variant(
        by: "type",
        items.merging(["item_reference": .object(["type": .text(), "id": .text()], required: ["id"])]) { $1 }
    )
}
