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
    total_ns      UInt64                  COMMENT 'Total: first byte in to last byte out, nanoseconds' CODEC(T64('bit'), ZSTD(1)),
    sending_ns    UInt64                  COMMENT 'Part of the total after the response was ready, nanoseconds; 0 where not separable' CODEC(T64('bit'), ZSTD(1)),
    load_ns       UInt64 ALIAS total_ns - sending_ns COMMENT 'Load time: until the response was ready, nanoseconds',
    query_count   UInt32                  COMMENT 'Statements executed' CODEC(T64('bit'), ZSTD(1)),
    db_ns         UInt64                  COMMENT 'Wall time with a statement running, nanoseconds' CODEC(T64('bit'), ZSTD(1)),
    render_ns     UInt64                  COMMENT 'Wall time in templates without a statement or call running, nanoseconds' CODEC(T64('bit'), ZSTD(1)),
    external_ns   UInt64                  COMMENT 'Wall time in calls to other services without a statement running, nanoseconds' CODEC(T64('bit'), ZSTD(1)),
    self_ns       UInt64 ALIAS total_ns - db_ns - render_ns - external_ns COMMENT 'The rest, nanoseconds',
    failed        UInt8                   COMMENT '1 when its status is error',
    status_code   UInt16                  COMMENT 'HTTP (or gRPC) status code; 0 when there is none',
    weight        Float64                 COMMENT 'How many executions this one stands for',
    received_at   DateTime('UTC')         COMMENT 'When the entry span was acknowledged, seconds'
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(received_at)
ORDER BY (environment, service, operation, kind, start_unix_ns)
SETTINGS non_replicated_deduplication_window = 1000, default_compression_codec = 'ZSTD(1)',
         fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
         old_parts_lifetime = 60, merge_tree_clear_old_parts_interval_seconds = 20,
         merge_tree_clear_old_temporary_directories_interval_seconds = 600
COMMENT 'Load time, query count, db time, render time and total of every execution of an entry operation';

CREATE TABLE IF NOT EXISTS breakdowns
(
    step_s          UInt32                                 COMMENT 'Length of the bucket in seconds: 60, 3600 or 86400',
    whole_service   UInt8                                  COMMENT '1 for the row of all operations of the kind: its operation is empty',
    environment     LowCardinality(String)                 COMMENT 'deployment.environment.name',
    service         LowCardinality(String)                 COMMENT 'service.name',
    operation       LowCardinality(String)                 COMMENT 'Operation name; empty for the whole service',
    kind            Enum8('unspecified' = 0, 'internal' = 1, 'server' = 2, 'client' = 3, 'producer' = 4, 'consumer' = 5) COMMENT 'OTLP span kind',
    bucket          DateTime('UTC')                        COMMENT 'Start of the bucket of the event time, UTC, seconds',
    executions      SimpleAggregateFunction(sum, Float64)  COMMENT 'Executions, weighted',
    failed          SimpleAggregateFunction(sum, Float64)  COMMENT 'Failed executions, weighted',
    load_ns         SimpleAggregateFunction(sum, Float64)  COMMENT 'Sum of load times, nanoseconds, weighted',
    total_ns        SimpleAggregateFunction(sum, Float64)  COMMENT 'Sum of totals, nanoseconds, weighted',
    db_ns           SimpleAggregateFunction(sum, Float64)  COMMENT 'Sum of db times, nanoseconds, weighted',
    render_ns       SimpleAggregateFunction(sum, Float64)  COMMENT 'Sum of render times, nanoseconds, weighted',
    external_ns     SimpleAggregateFunction(sum, Float64)  COMMENT 'Sum of times in other services, nanoseconds, weighted',
    self_ns         SimpleAggregateFunction(sum, Float64)  COMMENT 'Sum of what is left, nanoseconds, weighted',
    query_count     SimpleAggregateFunction(sum, Float64)  COMMENT 'Statements executed, weighted',
    query_count_max SimpleAggregateFunction(max, UInt32)   COMMENT 'Most statements of one execution'
)
ENGINE = AggregatingMergeTree
PARTITION BY if(step_s = 86400, toYYYYMM(bucket), toYYYYMMDD(bucket))
ORDER BY (step_s, whole_service, environment, service, toStartOfHour(bucket), kind, operation, bucket)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 1000, default_compression_codec = 'ZSTD(1)',
         fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
         old_parts_lifetime = 60, merge_tree_clear_old_parts_interval_seconds = 20,
         merge_tree_clear_old_temporary_directories_interval_seconds = 600
COMMENT 'Sums of the measurements of every entry operation';

CREATE MATERIALIZED VIEW IF NOT EXISTS fill_breakdowns TO breakdowns AS
SELECT
    level.1 AS step_s,
    level.2 AS whole_service,
    environment,
    service,
    if(whole_service, '', operation) AS operation,
    kind,
    toDateTime(intDiv(minute, step_s) * step_s, 'UTC') AS bucket,
    executions,
    failed,
    load_ns,
    total_ns,
    db_ns,
    render_ns,
    external_ns,
    self_ns,
    query_count,
    query_count_max
FROM
(
    SELECT
        environment,
        service,
        operation,
        kind,
        intDiv(start_unix_ns, 60000000000) * 60 AS minute,
        sum(weight) AS executions,
        sum(measurements.failed * weight) AS failed,
        sum((measurements.total_ns - sending_ns) * weight) AS load_ns,
        sum(measurements.total_ns * weight) AS total_ns,
        sum(measurements.db_ns * weight) AS db_ns,
        sum(measurements.render_ns * weight) AS render_ns,
        sum(measurements.external_ns * weight) AS external_ns,
        sum((measurements.total_ns - measurements.db_ns - measurements.render_ns - measurements.external_ns) * weight) AS self_ns,
        sum(measurements.query_count * weight) AS query_count,
        max(measurements.query_count) AS query_count_max
    FROM measurements
    GROUP BY
        environment,
        service,
        operation,
        kind,
        minute
)
ARRAY JOIN if(kind IN ('server', 'consumer'), [(60, 0), (3600, 0), (86400, 0), (60, 1), (3600, 1), (86400, 1)], [(60, 0), (3600, 0), (86400, 0)]) AS level;

CREATE VIEW IF NOT EXISTS measurements_minute AS
SELECT
    environment,
    service,
    operation,
    kind,
    bucket,
    executions,
    failed,
    load_ns,
    total_ns,
    db_ns,
    render_ns,
    external_ns,
    self_ns,
    query_count,
    query_count_max
FROM breakdowns
WHERE step_s = 60
    AND whole_service = 0;

CREATE VIEW IF NOT EXISTS measurements_hour AS
SELECT
    environment,
    service,
    operation,
    kind,
    bucket,
    executions,
    failed,
    load_ns,
    total_ns,
    db_ns,
    render_ns,
    external_ns,
    self_ns,
    query_count,
    query_count_max
FROM breakdowns
WHERE step_s = 3600
    AND whole_service = 0;

CREATE VIEW IF NOT EXISTS measurements_day AS
SELECT
    environment,
    service,
    operation,
    kind,
    bucket,
    executions,
    failed,
    load_ns,
    total_ns,
    db_ns,
    render_ns,
    external_ns,
    self_ns,
    query_count,
    query_count_max
FROM breakdowns
WHERE step_s = 86400
    AND whole_service = 0;

CREATE TABLE IF NOT EXISTS watermarks
(
    job        LowCardinality(String) COMMENT 'measurements or sampling',
    from_s     UInt32                 COMMENT 'Start of the window the job does, receive time, Unix seconds',
    to_s       UInt32                 COMMENT 'End of that window; what was received before from_s is done',
    written_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'Microseconds'
)
ENGINE = ReplacingMergeTree(written_at)
ORDER BY job
SETTINGS non_replicated_deduplication_window = 1000, default_compression_codec = 'ZSTD(1)',
         fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
         old_parts_lifetime = 60, merge_tree_clear_old_parts_interval_seconds = 20,
         merge_tree_clear_old_temporary_directories_interval_seconds = 600
COMMENT 'How far the jobs over received spans have come; written before a window is begun';
