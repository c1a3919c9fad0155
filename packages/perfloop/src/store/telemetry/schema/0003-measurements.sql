-- One row per execution of an entry operation, made when its trace has settled, before sampling.

CREATE TABLE IF NOT EXISTS measurements
(
    environment   LowCardinality(String)  COMMENT 'deployment.environment.name',
    service       LowCardinality(String)  COMMENT 'service.name',
    operation     LowCardinality(String)  COMMENT 'Operation name',
    kind          Enum8('unspecified' = 0, 'internal' = 1, 'server' = 2, 'client' = 3, 'producer' = 4, 'consumer' = 5) COMMENT 'OTLP span kind',
    start_unix_ns UInt64                  COMMENT 'Start, nanoseconds since 1970' CODEC(Delta(8), ZSTD(1)),
    trace_id      FixedString(16)         COMMENT 'Trace id, bytes',
    span_id       FixedString(8)          COMMENT 'Id of the entry span, bytes',
    load_ns       UInt64                  COMMENT 'Load time: until the response was ready, nanoseconds; equals total_ns where not separable' CODEC(T64, ZSTD(1)),
    total_ns      UInt64                  COMMENT 'Total: first byte in to last byte out, nanoseconds' CODEC(T64, ZSTD(1)),
    query_count   UInt32                  COMMENT 'Statements executed' CODEC(T64, ZSTD(1)),
    db_ns         UInt64                  COMMENT 'Wall time with a statement running, nanoseconds' CODEC(T64, ZSTD(1)),
    render_ns     UInt64                  COMMENT 'Wall time in templates without a statement or call running, nanoseconds' CODEC(T64, ZSTD(1)),
    external_ns   UInt64                  COMMENT 'Wall time in calls to other services without a statement running, nanoseconds' CODEC(T64, ZSTD(1)),
    self_ns       UInt64                  COMMENT 'The rest, nanoseconds' CODEC(T64, ZSTD(1)),
    failed        UInt8                   COMMENT '1 when its status is error',
    status_code   UInt16                  COMMENT 'HTTP (or gRPC) status code; 0 when there is none',
    weight        Float64                 COMMENT 'How many executions this one stands for',
    received_at   DateTime                COMMENT 'When the entry span was acknowledged, seconds'
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(received_at)
ORDER BY (environment, service, operation, kind, start_unix_ns)
TTL received_at + toIntervalDay(7)
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1
COMMENT 'Load time, query count, db time, render time and total of every execution of an entry operation';
