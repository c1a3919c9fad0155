import type { ProfileRecord } from '../store/control/control-store.ts'
import type { Profile } from './contract/agents.ts'

export function toProfile(record: ProfileRecord): Profile {
  return {
    id: record.id,
    agent: record.agent,
    environment: record.environment,
    service: record.service,
    instance: record.instance,
    kind: record.kind,
    origin: record.origin,
    status: record.status,
    duration_ms: record.durationMs,
    actor: record.actor,
    requested_at: record.requestedAt,
    started_at: record.startedAt,
    finished_at: record.finishedAt,
    failure: record.failure,
    size_bytes: record.sizeBytes,
  }
}
