-- The file that version 1 made.
CREATE TABLE calls (
    call_sid TEXT PRIMARY KEY NOT NULL,
    request_id TEXT NOT NULL,
    phone_number TEXT NOT NULL,
    business_name TEXT NOT NULL,
    user_request TEXT NOT NULL,
    category TEXT NOT NULL,
    user_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    status TEXT NOT NULL,
    agent TEXT NOT NULL,
    end_reason TEXT NOT NULL,
    requested_at_us INTEGER NOT NULL,
    answered_at_us INTEGER NOT NULL,
    ended_at_us INTEGER NOT NULL,
    input_text_tokens INTEGER NOT NULL,
    input_audio_tokens INTEGER NOT NULL,
    cached_text_tokens INTEGER NOT NULL,
    cached_audio_tokens INTEGER NOT NULL,
    output_text_tokens INTEGER NOT NULL,
    output_audio_tokens INTEGER NOT NULL,
    event_offset INTEGER NOT NULL,
    -- The fold of the call's events (CallState, protobuf): the next event is applied to it.
    state BLOB NOT NULL
) STRICT;
CREATE INDEX calls_by_request ON calls (request_id);
CREATE INDEX calls_by_time ON calls (requested_at_us);
CREATE TABLE utterances (
    call_sid TEXT NOT NULL REFERENCES calls (call_sid) ON DELETE CASCADE,
    item_id TEXT NOT NULL,
    -- Place in the conversation, shared with tool_calls.
    position INTEGER NOT NULL,
    speaker TEXT NOT NULL CHECK (speaker IN ('person', 'agent')),
    agent TEXT NOT NULL,
    text TEXT NOT NULL,
    started_at_us INTEGER NOT NULL,
    interrupted INTEGER NOT NULL,
    played_ms INTEGER NOT NULL,
    event_offset INTEGER NOT NULL,
    PRIMARY KEY (call_sid, item_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE tool_calls (
    call_sid TEXT NOT NULL REFERENCES calls (call_sid) ON DELETE CASCADE,
    tool_call_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    agent TEXT NOT NULL,
    arguments TEXT NOT NULL,
    completed INTEGER NOT NULL,
    succeeded INTEGER NOT NULL,
    output TEXT NOT NULL,
    event_offset INTEGER NOT NULL,
    PRIMARY KEY (call_sid, tool_call_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE handoffs (
    call_sid TEXT NOT NULL REFERENCES calls (call_sid) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    from_agent TEXT NOT NULL,
    to_agent TEXT NOT NULL,
    reason TEXT NOT NULL,
    context TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    event_offset INTEGER NOT NULL,
    PRIMARY KEY (call_sid, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE quotes (
    quote_id TEXT PRIMARY KEY NOT NULL,
    -- No reference to calls: the two topics come independently.
    call_sid TEXT NOT NULL,
    request_id TEXT NOT NULL,
    business_name TEXT NOT NULL,
    price TEXT NOT NULL,
    currency TEXT NOT NULL,
    details TEXT NOT NULL,
    availability TEXT NOT NULL,
    agent TEXT NOT NULL,
    quoted_at TEXT NOT NULL,
    event_offset INTEGER NOT NULL
) STRICT;
CREATE INDEX quotes_by_call ON quotes (call_sid);
CREATE INDEX quotes_by_request ON quotes (request_id);
CREATE TABLE kafka_offsets (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)
) STRICT, WITHOUT ROWID;
CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
INSERT INTO grdb_migrations VALUES ('v1');
