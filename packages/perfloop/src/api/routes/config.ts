import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { z } from 'zod'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { Policy as OptimizerPolicy } from '../../optimizer/policy.ts'
import { describeSettings } from '../../settings/describe-settings.ts'
import type { IngestTokenRecord } from '../../store/control/control-store.ts'
import {
  IngestToken,
  IngestTokenInput,
  KillSwitchInput,
  Policy,
  SettingView,
} from '../contract/config.ts'
import { defineEndpoint } from '../endpoint.ts'

const killSwitch = (method: 'POST' | 'PUT') =>
  defineEndpoint({
    name: method === 'POST' ? 'config.kill-switch' : 'config.kill-switch.put',
    method,
    path: '/config/kill-switch',
    summary: 'Stop all changes, or allow them again',
    access: 'write',
    body: KillSwitchInput,
    data: Policy,
    answer: async ({ body, actor }, { optimizer }) => ({
      data: toPolicy(await optimizer.setKillSwitch(body.engaged, actor, body.reason)),
    }),
  })

export const configEndpoints = [
  defineEndpoint({
    name: 'config.settings',
    method: 'GET',
    path: '/config/settings',
    summary: 'Every setting, what it is now and where that came from',
    access: 'read',
    data: z.array(SettingView),
    async answer(_call, { settings, sources }) {
      return {
        data: describeSettings().map(({ key, description, secret }) => ({
          key,
          value: mask(valueAt(settings, key), secret),
          source: sources.get(key) ?? 'default',
          description,
        })),
      }
    },
  }),
  defineEndpoint({
    name: 'config.policy',
    method: 'GET',
    path: '/config/policy',
    summary: 'What Perfloop may change by itself',
    access: 'read',
    data: Policy,
    answer: async (_call, { optimizer }) => ({ data: toPolicy(await optimizer.policy()) }),
  }),
  defineEndpoint({
    name: 'config.policy.set',
    method: 'PUT',
    path: '/config/policy',
    summary: 'Replace the rules of the policy',
    access: 'write',
    body: z.strictObject({ rules: Policy.shape.rules }),
    data: Policy,
    answer: async ({ body, actor }, { optimizer }) => ({
      data: toPolicy(await optimizer.setRules(body.rules, actor)),
    }),
  }),
  killSwitch('POST'),
  killSwitch('PUT'),
  defineEndpoint({
    name: 'config.ingest-tokens',
    method: 'GET',
    path: '/config/ingest-tokens',
    summary: 'Tokens of senders; the tokens themselves are not kept',
    access: 'read',
    data: z.array(IngestToken),
    answer: async (_call, { control }) => ({
      data: (await control.ingestTokens.list()).map(toIngestToken),
    }),
  }),
  defineEndpoint({
    name: 'config.ingest-token.add',
    method: 'POST',
    path: '/config/ingest-tokens',
    summary: 'Make a token that fixes the environment of its sender; it is shown once',
    access: 'write',
    body: IngestTokenInput,
    data: IngestToken.extend({ token: z.string().describe('Shown once; only its hash is kept') }),
    created: true,
    async answer({ body, actor, nowUnixMs }, { control, ingestTokensChanged }) {
      const token = `plt_${randomBytes(32).toString('base64url')}`
      const record: IngestTokenRecord = {
        id: randomUUID(),
        name: body.name,
        environment: body.environment,
        tokenHash: createHash('sha256').update(token).digest('hex'),
        createdAt: new Date(nowUnixMs).toISOString(),
        revokedAt: null,
      }
      await control.transaction(async store => {
        await store.ingestTokens.insert(record)
        await store.ledger.append(tokenEntry(record.id, actor, record.createdAt, null, 'created'))
      })
      await ingestTokensChanged()
      return {
        target: { type: 'ingest-token', id: record.id },
        data: { ...toIngestToken(record), token },
      }
    },
  }),
  defineEndpoint({
    name: 'config.ingest-token.revoke',
    method: 'DELETE',
    path: '/config/ingest-tokens/:id',
    summary: 'Revoke a token; its sender is refused from now on',
    access: 'write',
    params: z.object({ id: z.string() }),
    data: IngestToken,
    async answer({ params, actor, nowUnixMs }, { control, ingestTokensChanged }) {
      const at = new Date(nowUnixMs).toISOString()
      const known = (await control.ingestTokens.list()).find(({ id }) => id === params.id)
      if (known === undefined) throw new PerfloopError('NOT_FOUND', { ingest_token: params.id })
      await control.transaction(async store => {
        if (!(await store.ingestTokens.revoke(params.id, at))) {
          throw new PerfloopError('CONFLICT', {
            ingest_token: params.id,
            revoked_at: known.revokedAt,
          })
        }
        await store.ledger.append(tokenEntry(params.id, actor, at, 'created', 'revoked'))
      })
      await ingestTokensChanged()
      return {
        target: { type: 'ingest-token', id: params.id },
        data: toIngestToken({ ...known, revokedAt: at }),
      }
    },
  }),
]

function tokenEntry(subjectId: string, actor: string, at: string, from: string | null, to: string) {
  return {
    at,
    subjectType: 'token',
    subjectId,
    actor,
    from,
    to,
    reason: null,
    evidence: {},
  } as const
}

function toPolicy({ killSwitch: engaged, killSwitchReason, rules }: OptimizerPolicy): Policy {
  return { kill_switch: engaged, kill_switch_reason: killSwitchReason, rules: [...rules] }
}

function toIngestToken(record: IngestTokenRecord): IngestToken {
  return {
    id: record.id,
    name: record.name,
    environment: record.environment,
    created_at: record.createdAt,
    revoked_at: record.revokedAt,
  }
}

/** Secrets are never shown, nor is a password within an address; whether one is set is. */
function mask(value: unknown, isSecret: boolean): unknown {
  if (typeof value !== 'string' || value === '') return value
  return isSecret ? '***' : value.replace(/(:\/\/[^:/@]*:)[^@/]+@/, '$1***@')
}

function valueAt(settings: unknown, key: string): unknown {
  return key
    .split('.')
    .reduce<unknown>(
      (part, name) =>
        typeof part === 'object' && part !== null ? Reflect.get(part, name) : undefined,
      settings,
    )
}
