CREATE TABLE IF NOT EXISTS performance_metrics
(
    environment LowCardinality(String)  COMMENT 'deployment.environment.name',
    service     LowCardinality(String)  COMMENT 'service.name',
    id          UUID DEFAULT generateUUIDv4() COMMENT 'Identity of the point',
    name        LowCardinality(String)  COMMENT 'Name of the metric, such as process.memory.usage',
    type        LowCardinality(String)  COMMENT 'gauge, counter (monotonic cumulative sum), updown (other sum) or delta',
    value       Float64                 COMMENT 'Value, in the unit that metadata names',
    timestamp   DateTime64(9, 'UTC')    COMMENT 'Event time, nanoseconds',
    metadata    String                  COMMENT 'JSON: {"unit", "resource", "attributes": {…}}' CODEC(ZSTD(3)),
    received_at DateTime('UTC')         COMMENT 'When it was acknowledged, seconds'
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(received_at)
ORDER BY (environment, service, name, timestamp)
SETTINGS non_replicated_deduplication_window = 1000, default_compression_codec = 'ZSTD(1)',
         fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
         old_parts_lifetime = 60, merge_tree_clear_old_parts_interval_seconds = 20,
         merge_tree_clear_old_temporary_directories_interval_seconds = 600
COMMENT 'Scalar metric points';

CREATE TABLE IF NOT EXISTS metric_points
(
    environment   LowCardinality(String) COMMENT 'deployment.environment.name',
    service       LowCardinality(String) COMMENT 'service.name',
    name          LowCardinality(String) COMMENT 'Name of the metric, such as http.server.request.duration',
    type          LowCardinality(String) COMMENT 'histogram, exponential_histogram or summary',
    temporality   LowCardinality(String) COMMENT 'delta or cumulative; empty for a summary',
    unit          LowCardinality(String) COMMENT 'UCUM unit',
    resource      LowCardinality(String) COMMENT 'Sender, in resources',
    attributes    Map(LowCardinality(String), String) COMMENT 'Attributes of the point; values as JSON',
    start_unix_ns UInt64                 COMMENT 'Start of the interval, nanoseconds since 1970; 0 when not told',
    time_unix_ns  UInt64                 COMMENT 'Event time, nanoseconds since 1970',
    count         UInt64                 COMMENT 'Number of values',
    sum           Float64                COMMENT 'Sum of the values',
    min           Nullable(Float64)      COMMENT 'Smallest value, where told',
    max           Nullable(Float64)      COMMENT 'Largest value, where told',
    bounds        Array(Float64)         COMMENT 'Upper bounds of the buckets (exponential: computed from scale and offset; summary: the quantiles)',
    counts        Array(Float64)         COMMENT 'Counts of the buckets (summary: the values of the quantiles)',
    received_at   DateTime('UTC')        COMMENT 'When it was acknowledged, seconds'
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(received_at)
ORDER BY (environment, service, name, time_unix_ns)
SETTINGS non_replicated_deduplication_window = 1000, default_compression_codec = 'ZSTD(1)',
         fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
         old_parts_lifetime = 60, merge_tree_clear_old_parts_interval_seconds = 20,
         merge_tree_clear_old_temporary_directories_interval_seconds = 600
COMMENT 'Metric points that are distributions';

CREATE TABLE IF NOT EXISTS resource_usage
(
    environment      LowCardinality(String) COMMENT 'Environment of the watched process; empty for the host',
    service          LowCardinality(String) COMMENT 'Service of the watched process; perfloop for our own; empty for the host',
    scope            LowCardinality(String) COMMENT 'host, container or process',
    host             LowCardinality(String) COMMENT 'Host name',
    pid              UInt32                 COMMENT 'Process id; 0 for host and container',
    timestamp        DateTime64(3, 'UTC')   COMMENT 'When it was sampled, milliseconds',
    cpu_ratio        Float64                COMMENT 'CPU used since the last sample, in cores (process) or as a share of all cores (host, container)',
    memory_bytes     UInt64                 COMMENT 'Resident set (process) or memory in use (host, container), bytes',
    memory_limit_bytes UInt64               COMMENT 'Memory of the host or limit of the container, bytes; 0 for a process',
    heap_bytes       UInt64                 COMMENT 'Heap in use, bytes, where the runtime tells; else 0',
    threads          UInt32                 COMMENT 'Threads; 0 for the host',
    open_files       UInt32                 COMMENT 'Open file descriptors; 0 when not readable',
    disk_read_bytes  UInt64                 COMMENT 'Bytes read from disk since start, cumulative',
    disk_write_bytes UInt64                 COMMENT 'Bytes written to disk since start, cumulative',
    network_receive_bytes  UInt64           COMMENT 'Bytes received since start, cumulative; 0 for a process',
    network_transmit_bytes UInt64           COMMENT 'Bytes sent since start, cumulative; 0 for a process'
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(timestamp)
ORDER BY (environment, service, scope, host, pid, timestamp)
SETTINGS non_replicated_deduplication_window = 1000, default_compression_codec = 'ZSTD(1)',
         fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
         old_parts_lifetime = 60, merge_tree_clear_old_parts_interval_seconds = 20,
         merge_tree_clear_old_temporary_directories_interval_seconds = 600
COMMENT 'Memory, CPU, disk and network of hosts, containers and processes';
