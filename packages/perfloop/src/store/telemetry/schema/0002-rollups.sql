-- Rollups of all spans, before sampling. `histogram` is domain/latency-histogram.ts: bucket → calls.
-- Minute rollups are filled by materialized views on spans; hours from minutes, days from hours' source,
-- in the same deduplicated insert.

CREATE TABLE IF NOT EXISTS operations_minute
(
    environment   LowCardinality(String)                          COMMENT 'deployment.environment.name',
    service       LowCardinality(String)                          COMMENT 'service.name',
    operation     LowCardinality(String)                          COMMENT 'Operation name',
    kind          Enum8('unspecified' = 0, 'internal' = 1, 'server' = 2, 'client' = 3, 'producer' = 4, 'consumer' = 5) COMMENT 'OTLP span kind',
    bucket        DateTime                                        COMMENT 'Start of the minute of the event time, seconds',
    calls         SimpleAggregateFunction(sum, Float64)           COMMENT 'Executions, weighted',
    errors        SimpleAggregateFunction(sum, Float64)           COMMENT 'Failed executions, weighted',
    duration_ns   SimpleAggregateFunction(sum, Float64)           COMMENT 'Sum of durations, nanoseconds, weighted',
    max_ns        SimpleAggregateFunction(max, UInt64)            COMMENT 'Longest duration, nanoseconds',
    min_ns        SimpleAggregateFunction(min, UInt64)            COMMENT 'Shortest duration, nanoseconds',
    histogram     SimpleAggregateFunction(sumMap, Map(Int16, Float64)) COMMENT 'Latency histogram: bucket to calls',
    slowest       SimpleAggregateFunction(max, Tuple(UInt64, FixedString(16))) COMMENT 'Exemplar: duration and trace of the slowest',
    failed        SimpleAggregateFunction(max, Tuple(UInt64, FixedString(16))) COMMENT 'Exemplar: duration and trace of a failed one; zeros when none'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMMDD(bucket)
ORDER BY (environment, service, kind, operation, bucket)
TTL bucket + toIntervalDay(30)
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1
COMMENT 'RED of every operation per minute, from all spans';
