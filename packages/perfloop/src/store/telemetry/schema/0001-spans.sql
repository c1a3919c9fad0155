-- Spans, and what they have in common. A span row holds references and numbers; the text of its statement
-- is in `patterns`, the attributes it shares with other spans in `shapes`, its sender in `resources`.
--
-- Order and codecs are by measurement (npm run bench -- storage). Neighbours in (environment, service, minute,
-- trace, start) share their trace, and their parents and entries are spans next to them: so of the four ids only the
-- span's own costs its full 8 bytes. Parts are synced when written and after merges: a spool segment goes once it is inserted.
-- There is no TTL here: what has expired is removed by jobs/remove-expired.ts, by Perfloop's clock.

CREATE TABLE IF NOT EXISTS resources
(
    resource      String                             COMMENT 'Identity: 16 hex digits of the hash of all attributes',
    environment   LowCardinality(String)             COMMENT 'deployment.environment.name, or what the ingest token says',
    service       LowCardinality(String)             COMMENT 'service.name',
    instance      String                             COMMENT 'service.instance.id, or what stands in for it',
    attributes    Map(LowCardinality(String), String) COMMENT 'All resource attributes; values as JSON',
    last_seen     DateTime('UTC')                    COMMENT 'Receive time of the segment that named it last, seconds'
)
ENGINE = ReplacingMergeTree(last_seen)
ORDER BY resource
SETTINGS non_replicated_deduplication_window = 1000, default_compression_codec = 'ZSTD(1)',
         fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
         old_parts_lifetime = 60, merge_tree_clear_old_parts_interval_seconds = 20,
         merge_tree_clear_old_temporary_directories_interval_seconds = 600
COMMENT 'Senders of telemetry';

CREATE TABLE IF NOT EXISTS shapes
(
    shape         String                             COMMENT 'Identity: 16 hex digits of the hash of everything below',
    scope_name    LowCardinality(String)             COMMENT 'Instrumentation scope',
    scope_version LowCardinality(String)             COMMENT 'Version of the instrumentation scope',
    keys          Array(LowCardinality(String))      COMMENT 'Attribute keys in the order sent; @name, @status_message, @trace_state, @dropped stand for the span''s own fields, @attributes for all attributes as one document',
    types         String                             COMMENT 'One letter a key: s string, i int, d double, b bool, j JSON (array, map or bytes), q the text of its statement in patterns',
    variable      Array(UInt8)                       COMMENT '1 where the value is in the span''s attribute_values, 0 where it is in constants',
    constants     Array(String)                      COMMENT 'One value a key; empty where variable',
    last_seen     DateTime('UTC')                    COMMENT 'Receive time of the segment that named it last, seconds'
)
ENGINE = ReplacingMergeTree(last_seen)
ORDER BY shape
SETTINGS non_replicated_deduplication_window = 1000, default_compression_codec = 'ZSTD(1)',
         fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
         old_parts_lifetime = 60, merge_tree_clear_old_parts_interval_seconds = 20,
         merge_tree_clear_old_temporary_directories_interval_seconds = 600
COMMENT 'What the attributes of many spans have in common';

CREATE TABLE IF NOT EXISTS patterns
(
    statement     String                             COMMENT 'Fingerprint: 16 hex digits',
    dialect       LowCardinality(String)             COMMENT 'postgresql, mysql, mssql, oracle, sqlite, or the db.system it came from',
    text          String                             COMMENT 'The statement without its literals',
    summary       String                             COMMENT 'Verb and tables, such as SELECT orders',
    verb          LowCardinality(String)             COMMENT 'SELECT, INSERT, UPDATE, DELETE, … in upper case',
    models        Array(LowCardinality(String))      COMMENT 'Tables, collections or keyspaces it touches',
    last_seen     DateTime('UTC')                    COMMENT 'Receive time of the segment that named it last, seconds'
)
ENGINE = ReplacingMergeTree(last_seen)
ORDER BY (statement, dialect)
SETTINGS non_replicated_deduplication_window = 1000, default_compression_codec = 'ZSTD(1)',
         fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
         old_parts_lifetime = 60, merge_tree_clear_old_parts_interval_seconds = 20,
         merge_tree_clear_old_temporary_directories_interval_seconds = 600
COMMENT 'Statement patterns: each stored once for each dialect it came in';

CREATE TABLE IF NOT EXISTS spans
(
    environment      LowCardinality(String)          COMMENT 'deployment.environment.name',
    service          LowCardinality(String)          COMMENT 'service.name',
    operation        LowCardinality(String)          COMMENT 'Span name with ids folded: what a baseline is about',
    kind             Enum8('unspecified' = 0, 'internal' = 1, 'server' = 2, 'client' = 3, 'producer' = 4, 'consumer' = 5) COMMENT 'OTLP span kind',
    category         Enum8('other' = 0, 'db' = 1, 'render' = 2, 'external' = 3) COMMENT 'What its time counts as',
    status           Enum8('unset' = 0, 'ok' = 1, 'error' = 2) COMMENT 'OTLP status code',
    status_code      UInt16                          COMMENT 'HTTP (or gRPC) status code; 0 when there is none',
    is_failed        Bool ALIAS multiIf(
        kind = 'server' AND status_code BETWEEN 400 AND 499, false,
        status = 'unset' AND kind = 'server' AND status_code BETWEEN 500 AND 599, true,
        status = 'unset' AND kind = 'client' AND status_code BETWEEN 400 AND 599, true,
        status = 'error')                            COMMENT 'By the semantic conventions for HTTP spans: a server''s 4xx is its client''s failure, and nobody need have set the status; codes of gRPC are below 400',
    is_entry         UInt8                           COMMENT '1 when it starts a measurement: kind server or consumer, or a root',
    is_repeated_layer UInt8                          COMMENT '1 when its parent span is the same statement seen by another layer (ORM above driver): not counted as a query',
    trace_id         FixedString(16)                 COMMENT 'Trace id, bytes',
    ids              FixedString(24)                 COMMENT 'Span id, parent span id and entry span id, 8 bytes each: side by side, what repeats an id costs next to nothing' CODEC(ZSTD(3)),
    span_id          FixedString(8) ALIAS toFixedString(substring(ids, 1, 8), 8) COMMENT 'Span id, bytes',
    parent_span_id   FixedString(8) ALIAS toFixedString(substring(ids, 9, 8), 8) COMMENT 'Parent span id, bytes; zeros for a root',
    entry_span_id    FixedString(8) ALIAS toFixedString(substring(ids, 17, 8), 8) COMMENT 'Nearest entry span at or above it, where its batch told; zeros when not known',
    start_unix_ns    UInt64                          COMMENT 'Start, nanoseconds since 1970' CODEC(Delta(8), ZSTD(1)),
    duration_ns      UInt64                          COMMENT 'Duration, nanoseconds' CODEC(T64('bit'), ZSTD(1)),
    statement        LowCardinality(String)          COMMENT 'Fingerprint of the statement in patterns; empty when none',
    parameters       UInt32                          COMMENT 'Keyed hash of the statement''s literals and parameters; 0 when not known',
    row_count        Nullable(UInt32)                COMMENT 'Rows returned or changed, where told' CODEC(T64, ZSTD(1)),
    response_bytes   Nullable(UInt32)                COMMENT 'Bytes of the response body, where told' CODEC(T64, ZSTD(1)),
    code_location    LowCardinality(String)          COMMENT 'file:line of the code that issued it, where told',
    resource         LowCardinality(String)          COMMENT 'Sender, in resources',
    shape            LowCardinality(String)          COMMENT 'What its attributes have in common with others, in shapes',
    attribute_values Array(String)                   COMMENT 'Values of the attributes that shapes calls variable, in order; JSON for other than strings' CODEC(ZSTD(3)),
    events           String                          COMMENT 'Events as OTLP JSON, redacted; empty when none' CODEC(ZSTD(3)),
    links            String                          COMMENT 'Links as OTLP JSON; empty when none' CODEC(ZSTD(3)),
    weight           Float64                         COMMENT 'How many spans this one stands for (1 / head sampling probability)',
    flags            UInt32                          COMMENT 'OTLP span flags',
    received_at      DateTime('UTC')                 COMMENT 'When it was acknowledged, seconds',
    retention_days   UInt16                          COMMENT 'Days it is kept, by the retention class it had on arrival',
    randomness       Nullable(UInt64)                COMMENT 'Explicit rv of the trace state, where told; else the last 56 bits of the trace id decide sampling',
    INDEX trace trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX received received_at TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY (retention_days, toStartOfHour(received_at))
ORDER BY (environment, service, toStartOfMinute(fromUnixTimestamp64Nano(toInt64(start_unix_ns), 'UTC')), trace_id, start_unix_ns)
SETTINGS non_replicated_deduplication_window = 1000, default_compression_codec = 'ZSTD(1)',
         fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
         old_parts_lifetime = 60, merge_tree_clear_old_parts_interval_seconds = 20,
         merge_tree_clear_old_temporary_directories_interval_seconds = 600
COMMENT 'One row a span';

CREATE TABLE IF NOT EXISTS kept_traces
(
    trace_id    FixedString(16)                      COMMENT 'Trace id, bytes',
    reason      LowCardinality(String)               COMMENT 'slow, failed, critical or finding',
    decided_at  DateTime('UTC')                      COMMENT 'Seconds'
)
ENGINE = ReplacingMergeTree(decided_at)
ORDER BY trace_id
SETTINGS non_replicated_deduplication_window = 1000, default_compression_codec = 'ZSTD(1)',
         fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
         old_parts_lifetime = 60, merge_tree_clear_old_parts_interval_seconds = 20,
         merge_tree_clear_old_temporary_directories_interval_seconds = 600
COMMENT 'Traces whose detail is kept whatever the sampling rate';

CREATE TABLE IF NOT EXISTS dropped_traces
(
    trace_id    FixedString(16)                      COMMENT 'Trace id, bytes',
    decided_at  DateTime('UTC')                      COMMENT 'When its detail was dropped, seconds',
    expires_at  DateTime('UTC')                      COMMENT 'Until when spans that come later are dropped with it, seconds'
)
ENGINE = ReplacingMergeTree(decided_at)
PARTITION BY toStartOfHour(expires_at)
ORDER BY trace_id
SETTINGS non_replicated_deduplication_window = 1000, default_compression_codec = 'ZSTD(1)', index_granularity = 1024,
         fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
         old_parts_lifetime = 60, merge_tree_clear_old_parts_interval_seconds = 20,
         merge_tree_clear_old_temporary_directories_interval_seconds = 600
COMMENT 'Traces whose detail was dropped, for a while: a slow or failed span that comes too late makes no half trace';
