CREATE TABLE IF NOT EXISTS logs
(
    environment     LowCardinality(String) COMMENT 'deployment.environment.name',
    service         LowCardinality(String) COMMENT 'service.name',
    time_unix_ns    UInt64                 COMMENT 'Event time, nanoseconds since 1970' CODEC(Delta(8), ZSTD(1)),
    severity_number UInt8                  COMMENT 'OTLP severity number, 1 to 24; 0 when not told',
    severity_text   LowCardinality(String) COMMENT 'Severity in the sender''s words',
    event_name      LowCardinality(String) COMMENT 'OTLP event name; empty when none',
    body            String                 COMMENT 'Body, redacted; JSON when it is not a string' CODEC(ZSTD(3)),
    trace_id        FixedString(16)        COMMENT 'Trace id, bytes; zeros when none',
    span_id         FixedString(8)         COMMENT 'Span id, bytes; zeros when none',
    scope_name      LowCardinality(String) COMMENT 'Instrumentation scope',
    resource        LowCardinality(String) COMMENT 'Sender, in resources',
    attributes      Map(LowCardinality(String), String) COMMENT 'Attributes; values as JSON' CODEC(ZSTD(3)),
    received_at     DateTime('UTC')        COMMENT 'When it was acknowledged, seconds'
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(received_at)
ORDER BY (environment, service, time_unix_ns)
SETTINGS non_replicated_deduplication_window = 1000, default_compression_codec = 'ZSTD(1)',
         fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
         old_parts_lifetime = 60, merge_tree_clear_old_parts_interval_seconds = 20,
         merge_tree_clear_old_temporary_directories_interval_seconds = 600
COMMENT 'Log records';
