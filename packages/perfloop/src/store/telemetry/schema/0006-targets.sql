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
TTL toDateTime(collected_at) + toIntervalDay(30)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'What targets told about themselves: analyzers see the store only';
