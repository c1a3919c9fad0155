-- Rollups of all spans, before sampling: RED of operations and of statements per minute, hour and day.
--
-- `histogram` is domain/latency-histogram.ts, bucket to calls; 49.998… is its INVERSE_LOG_GAMMA. One level of
-- aggregation with sumMap over one-bucket maps was measured at half the CPU of grouping by bucket first.
--
-- Minutes, hours and days are rows of one table: a segment then writes one part for operations and one for
-- statements. As three tables each, filled one from the other, a small segment cost 80 ms of CPU instead of 40.
-- The views operations_minute, … are what is queried. All is written under the deduplication token of the insert
-- into spans.

CREATE TABLE IF NOT EXISTS operations
(
    step_s      UInt32                                                        COMMENT 'Length of the bucket in seconds: 60, 3600 or 86400',
    whole_service UInt8                                                       COMMENT '1 for the row of all operations of the kind: its operation is empty',
    environment LowCardinality(String)                                        COMMENT 'deployment.environment.name',
    service     LowCardinality(String)                                        COMMENT 'service.name',
    operation   LowCardinality(String)                                        COMMENT 'Operation name; empty for the whole service',
    kind        Enum8('unspecified' = 0, 'internal' = 1, 'server' = 2, 'client' = 3, 'producer' = 4, 'consumer' = 5) COMMENT 'OTLP span kind',
    bucket      DateTime('UTC')                                               COMMENT 'Start of the bucket of the event time, UTC, seconds',
    calls       SimpleAggregateFunction(sum, Float64)                         COMMENT 'Executions, weighted',
    errors      SimpleAggregateFunction(sum, Float64)                         COMMENT 'Failed executions, weighted',
    duration_ns SimpleAggregateFunction(sum, Float64)                         COMMENT 'Sum of durations, nanoseconds, weighted',
    max_ns      SimpleAggregateFunction(max, UInt64)                          COMMENT 'Longest duration, nanoseconds',
    min_ns      SimpleAggregateFunction(min, UInt64)                          COMMENT 'Shortest duration, nanoseconds',
    histogram   SimpleAggregateFunction(sumMap, Map(Int16, Float64))          COMMENT 'Latency histogram: bucket to calls',
    slowest     SimpleAggregateFunction(max, Tuple(UInt64, FixedString(16)))  COMMENT 'Exemplar: duration and trace of the slowest',
    failed      SimpleAggregateFunction(max, Tuple(UInt64, FixedString(16)))  COMMENT 'Exemplar: duration and trace of a failed one; zeros when none'
)
ENGINE = AggregatingMergeTree
PARTITION BY if(step_s = 86400, toYYYYMM(bucket), toYYYYMMDD(bucket))
ORDER BY (step_s, whole_service, environment, service, toStartOfHour(bucket), kind, operation, bucket)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 1000, default_compression_codec = 'ZSTD(1)',
         fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
         old_parts_lifetime = 60, merge_tree_clear_old_parts_interval_seconds = 20,
         merge_tree_clear_old_temporary_directories_interval_seconds = 600
COMMENT 'RED of every operation, from all spans';

CREATE MATERIALIZED VIEW IF NOT EXISTS fill_operations TO operations AS
SELECT
    level.1 AS step_s,
    level.2 AS whole_service,
    environment,
    service,
    if(whole_service, '', operation) AS operation,
    kind,
    toDateTime(intDiv(minute, step_s) * step_s, 'UTC') AS bucket,
    calls,
    errors,
    duration_ns,
    max_ns,
    min_ns,
    histogram,
    slowest,
    failed
FROM
(
    SELECT
        environment,
        service,
        operation,
        kind,
        intDiv(start_unix_ns, 60000000000) * 60 AS minute,
        sum(weight) AS calls,
        sumIf(weight, is_failed) AS errors,
        sum(spans.duration_ns * weight) AS duration_ns,
        max(spans.duration_ns) AS max_ns,
        min(spans.duration_ns) AS min_ns,
        sumMap(map(toInt16(if(spans.duration_ns <= 1, 0, ceil(log(spans.duration_ns) * 49.99833328888678))), weight)) AS histogram,
        (max(spans.duration_ns), argMax(trace_id, spans.duration_ns)) AS slowest,
        (maxIf(spans.duration_ns, is_failed), argMaxIf(trace_id, spans.duration_ns, is_failed)) AS failed
    FROM spans
    GROUP BY
        environment,
        service,
        operation,
        kind,
        minute
)
ARRAY JOIN if(kind IN ('server', 'consumer'), [(60, 0), (3600, 0), (86400, 0), (60, 1), (3600, 1), (86400, 1)], [(60, 0), (3600, 0), (86400, 0)]) AS level;

CREATE VIEW IF NOT EXISTS operations_minute AS
SELECT
    environment,
    service,
    operation,
    kind,
    bucket,
    calls,
    errors,
    duration_ns,
    max_ns,
    min_ns,
    histogram,
    slowest,
    failed
FROM operations
WHERE step_s = 60
    AND whole_service = 0;

CREATE VIEW IF NOT EXISTS operations_hour AS
SELECT
    environment,
    service,
    operation,
    kind,
    bucket,
    calls,
    errors,
    duration_ns,
    max_ns,
    min_ns,
    histogram,
    slowest,
    failed
FROM operations
WHERE step_s = 3600
    AND whole_service = 0;

CREATE VIEW IF NOT EXISTS operations_day AS
SELECT
    environment,
    service,
    operation,
    kind,
    bucket,
    calls,
    errors,
    duration_ns,
    max_ns,
    min_ns,
    histogram,
    slowest,
    failed
FROM operations
WHERE step_s = 86400
    AND whole_service = 0;

CREATE TABLE IF NOT EXISTS statements
(
    step_s        UInt32                                                        COMMENT 'Length of the bucket in seconds: 60, 3600 or 86400',
    environment   LowCardinality(String)                                        COMMENT 'deployment.environment.name',
    service       LowCardinality(String)                                        COMMENT 'service.name',
    statement     LowCardinality(String)                                        COMMENT 'Fingerprint of the statement in patterns',
    bucket        DateTime('UTC')                                               COMMENT 'Start of the bucket of the event time, UTC, seconds',
    calls         SimpleAggregateFunction(sum, Float64)                         COMMENT 'Executions, weighted',
    errors        SimpleAggregateFunction(sum, Float64)                         COMMENT 'Failed executions, weighted',
    duration_ns   SimpleAggregateFunction(sum, Float64)                         COMMENT 'Sum of durations, nanoseconds, weighted',
    max_ns        SimpleAggregateFunction(max, UInt64)                          COMMENT 'Longest duration, nanoseconds',
    min_ns        SimpleAggregateFunction(min, UInt64)                          COMMENT 'Shortest duration, nanoseconds',
    histogram     SimpleAggregateFunction(sumMap, Map(Int16, Float64))          COMMENT 'Latency histogram: bucket to calls',
    slowest       SimpleAggregateFunction(max, Tuple(UInt64, FixedString(16)))  COMMENT 'Exemplar: duration and trace of the slowest',
    failed        SimpleAggregateFunction(max, Tuple(UInt64, FixedString(16)))  COMMENT 'Exemplar: duration and trace of a failed one; zeros when none',
    rows          SimpleAggregateFunction(sum, Float64)                         COMMENT 'Rows returned or changed, weighted, where told',
    code_location SimpleAggregateFunction(max, LowCardinality(String))          COMMENT 'file:line of the code that issued it, where told; one of several'
)
ENGINE = AggregatingMergeTree
PARTITION BY if(step_s = 86400, toYYYYMM(bucket), toYYYYMMDD(bucket))
ORDER BY (step_s, environment, service, toStartOfHour(bucket), statement, bucket)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 1000, default_compression_codec = 'ZSTD(1)',
         fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
         old_parts_lifetime = 60, merge_tree_clear_old_parts_interval_seconds = 20,
         merge_tree_clear_old_temporary_directories_interval_seconds = 600
COMMENT 'RED of every statement, from all spans, each execution counted once';

CREATE MATERIALIZED VIEW IF NOT EXISTS fill_statements TO statements AS
SELECT
    step_s,
    environment,
    service,
    statement,
    toDateTime(intDiv(minute, step_s) * step_s, 'UTC') AS bucket,
    calls,
    errors,
    duration_ns,
    max_ns,
    min_ns,
    histogram,
    slowest,
    failed,
    rows,
    code_location
FROM
(
    SELECT
        environment,
        service,
        statement,
        intDiv(start_unix_ns, 60000000000) * 60 AS minute,
        sum(weight) AS calls,
        sumIf(weight, status = 'error') AS errors,
        sum(spans.duration_ns * weight) AS duration_ns,
        max(spans.duration_ns) AS max_ns,
        min(spans.duration_ns) AS min_ns,
        sumMap(map(toInt16(if(spans.duration_ns <= 1, 0, ceil(log(spans.duration_ns) * 49.99833328888678))), weight)) AS histogram,
        (max(spans.duration_ns), argMax(trace_id, spans.duration_ns)) AS slowest,
        (maxIf(spans.duration_ns, status = 'error'), argMaxIf(trace_id, spans.duration_ns, status = 'error')) AS failed,
        sum(ifNull(row_count, 0) * weight) AS rows,
        max(spans.code_location) AS code_location
    FROM spans
    WHERE statement != ''
        AND is_repeated_layer = 0
    GROUP BY
        environment,
        service,
        statement,
        minute
)
ARRAY JOIN [60, 3600, 86400] AS step_s;

CREATE VIEW IF NOT EXISTS statements_minute AS
SELECT
    environment,
    service,
    statement,
    bucket,
    calls,
    errors,
    duration_ns,
    max_ns,
    min_ns,
    histogram,
    slowest,
    failed,
    rows,
    code_location
FROM statements
WHERE step_s = 60;

CREATE VIEW IF NOT EXISTS statements_hour AS
SELECT
    environment,
    service,
    statement,
    bucket,
    calls,
    errors,
    duration_ns,
    max_ns,
    min_ns,
    histogram,
    slowest,
    failed,
    rows,
    code_location
FROM statements
WHERE step_s = 3600;

CREATE VIEW IF NOT EXISTS statements_day AS
SELECT
    environment,
    service,
    statement,
    bucket,
    calls,
    errors,
    duration_ns,
    max_ns,
    min_ns,
    histogram,
    slowest,
    failed,
    rows,
    code_location
FROM statements
WHERE step_s = 86400;

CREATE VIEW IF NOT EXISTS models_minute AS
SELECT
    environment,
    service,
    arrayJoin(models) AS model,
    bucket,
    statement,
    verb,
    calls,
    errors,
    duration_ns,
    max_ns,
    min_ns,
    histogram,
    slowest,
    failed,
    rows
FROM statements_minute AS called
INNER JOIN
(
    SELECT
        statement,
        argMax(verb, last_seen) AS verb,
        argMax(patterns.models, last_seen) AS models
    FROM patterns
    GROUP BY statement
) AS pattern USING statement;

CREATE VIEW IF NOT EXISTS models_hour AS
SELECT
    environment,
    service,
    arrayJoin(models) AS model,
    bucket,
    statement,
    verb,
    calls,
    errors,
    duration_ns,
    max_ns,
    min_ns,
    histogram,
    slowest,
    failed,
    rows
FROM statements_hour AS called
INNER JOIN
(
    SELECT
        statement,
        argMax(verb, last_seen) AS verb,
        argMax(patterns.models, last_seen) AS models
    FROM patterns
    GROUP BY statement
) AS pattern USING statement;

CREATE VIEW IF NOT EXISTS models_day AS
SELECT
    environment,
    service,
    arrayJoin(models) AS model,
    bucket,
    statement,
    verb,
    calls,
    errors,
    duration_ns,
    max_ns,
    min_ns,
    histogram,
    slowest,
    failed,
    rows
FROM statements_day AS called
INNER JOIN
(
    SELECT
        statement,
        argMax(verb, last_seen) AS verb,
        argMax(patterns.models, last_seen) AS models
    FROM patterns
    GROUP BY statement
) AS pattern USING statement;
