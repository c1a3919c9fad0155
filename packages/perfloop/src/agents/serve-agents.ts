import type { z } from 'zod'
import { PerfloopError } from '../domain/perfloop-error.ts'
import {
  AGENT_PREFIX,
  type AgentAnswer,
  type AgentQuestion,
  type AskAboutAgent,
  jsonAnswer,
} from '../ingest/receive/agent-door.ts'
import { AgentDeclarations, AgentQuery, AgentReport, ProfileQuery } from './agent-protocol.ts'
import type { Agents } from './agents.ts'

type Serve = (agents: Agents, question: AgentQuestion, signal: AbortSignal) => Promise<AgentAnswer>

const MS_PER_SECOND = 1_000

const QUESTIONS: Readonly<Record<string, { readonly method: string; readonly serve: Serve }>> = {
  '/report': {
    method: 'POST',
    async serve(agents, { body, environment }) {
      const { id, declarations } = await agents.report(parse(AgentReport, json(body)), environment)
      return jsonAnswer(200, { agent: id, declarations })
    },
  },
  '/declarations': {
    method: 'POST',
    async serve(agents, { body, query, environment }) {
      const { agent } = parse(AgentQuery, fields(query))
      const declared = parse(AgentDeclarations, json(body))
      return jsonAnswer(200, { revision: await agents.declare(agent, declared, environment) })
    },
  },
  '/settings': {
    method: 'GET',
    async serve(agents, { query, prefer, ifNoneMatch, environment }, signal) {
      const { agent } = parse(AgentQuery, fields(query))
      // https://www.rfc-editor.org/rfc/rfc7240#section-4.3
      const seconds = Number(/(?:^|[,;\s])wait=(\d{1,4})/.exec(prefer)?.[1] ?? 0)
      const waitMs = seconds * MS_PER_SECOND
      const news = await agents.awaitSettings(agent, ifNoneMatch, waitMs, environment, signal)
      return news === undefined
        ? { status: 304, headers: { ETag: ifNoneMatch }, body: '' }
        : jsonAnswer(200, news.settings, { ETag: news.etag })
    },
  },
  '/profiles': {
    method: 'POST',
    async serve(agents, { body, query, environment }) {
      const asked = parse(ProfileQuery, fields(query))
      return jsonAnswer(200, { profile: await agents.receiveProfile(asked, body, environment) })
    },
  },
}

/** What is answered to agents under /agent/v1. */
export function serveAgents(agents: Agents): AskAboutAgent {
  return async (question, signal) => {
    const known = QUESTIONS[question.path]
    const { path, method } = question
    if (known === undefined) {
      throw new PerfloopError('AGENT_PATH_UNKNOWN', { path: `${AGENT_PREFIX}${path}` })
    }
    if (method !== known.method) {
      throw new PerfloopError('RECEIVER_METHOD', { method, allowed: known.method })
    }
    if (known.method === 'POST') agents.admit(question.body.length)
    return await known.serve(agents, question, signal)
  }
}

function json(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (cause) {
    throw new PerfloopError('INVALID_REQUEST', { problems: ['body: not JSON'] }, cause)
  }
}

function fields(query: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(query))
}

const MOST_PROBLEMS = 10

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const { issues } = parsed.error
  throw new PerfloopError('INVALID_REQUEST', {
    problems: issues
      .slice(0, MOST_PROBLEMS)
      .map(({ path, message }) => `${path.join('.')}: ${message}`),
  })
}
