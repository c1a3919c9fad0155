CREATE TABLE IF NOT EXISTS target_facts
(
    environment  LowCardinality(String) COMMENT 'Environment of the services that use the target',
    target       LowCardinality(String) COMMENT 'Identity of the target',
    fact         LowCardinality(String) COMMENT 'table, index, column or plan',
    subject      String                 COMMENT 'What it is about: table name, index name, table.column, or the fingerprint of the statement',
    document     String                 COMMENT 'JSON of the fact; its shape is in store/telemetry/target-facts.ts' CODEC(ZSTD(3)),
    collected_at DateTime64(3, 'UTC')   COMMENT 'Milliseconds'
)
ENGINE = ReplacingMergeTree(collected_at)
ORDER BY (environment, target, fact, subject)
SETTINGS non_replicated_deduplication_window = 1000, default_compression_codec = 'ZSTD(1)',
         fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
         old_parts_lifetime = 60, merge_tree_clear_old_parts_interval_seconds = 20,
         merge_tree_clear_old_temporary_directories_interval_seconds = 600
COMMENT 'What targets told about themselves: analyzers see the store only';
