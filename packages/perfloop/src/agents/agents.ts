import { createHash, randomUUID } from 'node:crypto'
import type { Clock } from '../domain/clock.ts'
import type { Logger } from '../domain/logger.ts'
import { PerfloopError } from '../domain/perfloop-error.ts'
import type { Settings } from '../settings/settings.ts'
import type {
  AgentRecord,
  ControlStore,
  KnobValueRecord,
  ProfileRecord,
} from '../store/control/control-store.ts'
import {
  AGENT_PROTOCOL,
  type AgentDeclarations,
  type AgentReport,
  type AgentSettingsAnswer,
  type ProfileQuery,
} from './agent-protocol.ts'
import { isWholeKnob } from './is-whole-knob.ts'
import { checkProfile } from './pprof.ts'

export interface AgentsOptions {
  readonly control: ControlStore
  readonly settings: Settings
  readonly clock: Clock
  readonly logger: Logger
  /** One that was asked for is recorded, received or failed. */
  readonly onProfileChanged: () => void
}

export interface SettingsNews {
  readonly settings: AgentSettingsAnswer
  readonly etag: string
}

export interface KnobTurn {
  readonly environment: string
  readonly service: string
  readonly name: string
  readonly value: number
  readonly forMs: number
  readonly actor: string
  readonly reason: string | null
}

/** Key of the control store's state: which server looked last. */
const SERVING = 'serving'
const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
/** Reports that come within so long of each other are written in one transaction. */
const PUT_TOGETHER_MS = 10
/** `lastSeen` of an agent that only waits for news is written so often. */
const SEEN_WRITTEN_MS = 5 * MINUTE_MS

type Identified = Pick<AgentRecord, 'id' | 'environment' | 'service'>

/** What is known of an agent since we started; the rest is in the control store. */
interface Contact {
  environment: string
  service: string
  lastSeenMs: number
  writtenMs: number
  /** Times of the profiles it sent within the last minute. */
  profilesMs: number[]
  /** Number of its last question. */
  turn: number
  /** Grows when what it is told may have changed. */
  changes: number
  /** Ends the wait of its open question. */
  wake: (() => void) | undefined
}

/**
 * The agents: who they are, what they declared, what they are told. What they are told follows from the settings, the
 * knobs that were turned and the profiles that were asked for; a question for it waits until that changes.
 */
export class Agents {
  readonly #options: AgentsOptions
  readonly #contacts = new Map<string, Contact>()
  readonly #name = randomUUID()
  #hasServed = false
  #hasNeighbour = false
  /** Reports that are written with the next ones. */
  readonly #arriving: AgentRecord[] = []
  #putting: Promise<void> | undefined
  /** What all of them told since the minute began. */
  #told = { sinceMs: 0, bytes: 0 }
  #isWatched = false
  #linger: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: AgentsOptions) {
    this.#options = options
  }

  /** Throws AGENT_LIMIT once all agents together told more in a minute than may be. */
  admit(bytes: number): void {
    const nowMs = this.#options.clock.nowUnixMs()
    if (nowMs - this.#told.sinceMs >= MINUTE_MS) this.#told = { sinceMs: nowMs, bytes: 0 }
    const limitBytes = this.#options.settings.agents.maxBytesPerMinute
    if (this.#told.bytes + bytes > limitBytes)
      throw new PerfloopError('AGENT_LIMIT', { limitBytes })
    this.#told.bytes += bytes
  }

  async report(report: AgentReport, tokenEnvironment: string | undefined): Promise<AgentRecord> {
    const { control, settings, clock } = this.#options
    const environment = tokenEnvironment ?? report.environment ?? settings.ingest.defaultEnvironment
    const { service, instance } = report
    const id = agentId(environment, service, instance)
    await this.#requireRoom(id)
    const now = new Date(clock.nowUnixMs()).toISOString()
    const record: AgentRecord = {
      id,
      environment,
      service,
      instance,
      agentVersion: report.agent_version,
      runtime: report.runtime.name,
      runtimeVersion: report.runtime.version,
      host: report.host,
      processId: report.process_id,
      frameworks: report.frameworks,
      knobs: report.knobs.map(({ own_value, ...knob }) => ({ ...knob, ownValue: own_value })),
      declarations: null,
      startedAt: report.started_at,
      firstSeen: now,
      lastSeen: now,
    }
    await this.#put(record)
    const contact = this.#contact(record)
    contact.lastSeenMs = contact.writtenMs = clock.nowUnixMs()
    return (await control.agents.get(id)) ?? record
  }

  async declare(
    id: string,
    { routes, models, omitted }: AgentDeclarations,
    tokenEnvironment: string | undefined,
  ): Promise<string> {
    const { environment, service } = await this.#known(id, tokenEnvironment)
    const sorted = { routes: sortedBy(routes), models: sortedBy(models) }
    const revision = contentHash(sorted)
    const { control, clock, settings } = this.#options
    const declaredAt = new Date(clock.nowUnixMs()).toISOString()
    const limitBytes = settings.agents.maxDeclarationsBytes
    // Whole: what no agent refers to is pruned.
    await control.transaction(async store => {
      await store.agents.declare(id, {
        ...{ environment, service, revision, ...sorted, omitted, declaredAt },
      })
      if ((await store.agents.declarationsBytes()) <= limitBytes) return
      await this.#prune()
      if ((await store.agents.declarationsBytes()) <= limitBytes) return
      throw new PerfloopError('AGENT_LIMIT', { limitBytes })
    })
    return revision
  }

  /** What the agent is told, as soon as it is something else than what it has; undefined when it still has it. */
  async awaitSettings(
    id: string,
    known: string,
    waitMs: number,
    tokenEnvironment: string | undefined,
    signal: AbortSignal,
  ): Promise<SettingsNews | undefined> {
    const { clock, settings } = this.#options
    const contact = await this.#contactOf(id, tokenEnvironment)
    const agent = { id, environment: contact.environment, service: contact.service }
    // One question at a time: an agent that asks again has given up the one before.
    const turn = ++contact.turn
    contact.wake?.()
    contact.lastSeenMs = clock.nowUnixMs()
    const untilMs = clock.nowUnixMs() + Math.min(waitMs, settings.agents.pollMs)
    for (;;) {
      const { changes } = contact
      const news = await this.#settingsOf(agent)
      if (news.etag !== known) {
        await this.#hand(agent)
        return news
      }
      const leftMs = untilMs - clock.nowUnixMs()
      if (leftMs <= 0 || signal.aborted || contact.turn !== turn || this.#isClosed) return undefined
      if (contact.changes === changes) await newsOr(contact, leftMs, signal)
      // Nothing happened that would change the answer: as for nearly all, nearly always.
      if (contact.changes === changes) return undefined
    }
  }

  async receiveProfile(
    query: ProfileQuery,
    pprof: Uint8Array,
    tokenEnvironment: string | undefined,
  ): Promise<string> {
    const { control, settings, clock } = this.#options
    const agent = await this.#known(query.agent, tokenEnvironment)
    const nowMs = clock.nowUnixMs()
    const at = new Date(nowMs).toISOString()
    const { request } = query
    if (request !== undefined) await this.#requireRequest(request, agent.id)
    if (query.failure !== undefined) {
      if (request === undefined) return ''
      const isFailed = await control.profiles.change(request, ['requested', 'running'], {
        status: 'failed',
        finishedAt: at,
        failure: query.failure,
      })
      if (!isFailed) throw answeredAlready(request)
      this.#options.onProfileChanged()
      return request
    }
    this.#countProfile(this.#contact(agent), nowMs)
    if (pprof.length > settings.agents.maxProfileBytes) {
      throw new PerfloopError('PROFILE_UNREADABLE', {
        bytes: pprof.length,
        limitBytes: settings.agents.maxProfileBytes,
      })
    }
    await checkProfile(pprof)
    const id = request ?? randomUUID()
    await control.transaction(async store => {
      if (request === undefined) {
        await store.profiles.insert({
          ...profileOf(agent),
          id,
          kind: query.kind,
          origin: 'continuous',
          status: 'running',
          durationMs: query.duration_ms,
          actor: null,
          requestedAt: at,
          startedAt: new Date(nowMs - query.duration_ms).toISOString(),
        })
      }
      if (!(await store.profiles.finish(id, pprof, at))) throw answeredAlready(id)
    })
    if (request !== undefined) this.#options.onProfileChanged()
    return id
  }

  async requestProfile(
    id: string,
    kind: ProfileRecord['kind'],
    durationMs: number,
    actor: string,
  ): Promise<ProfileRecord> {
    const { control, settings, clock } = this.#options
    const agent = await control.agents.get(id)
    if (agent === undefined) throw new PerfloopError('NOT_FOUND', { agent: id })
    if (!this.isConnected(agent)) {
      const reason = this.#hasNeighbour
        ? 'the agent is not connected here; another Perfloop uses this control database'
        : 'the agent is not connected'
      throw new PerfloopError('CONFLICT', { agent: id, reason })
    }
    const { profileMaxMs } = settings.agents
    if (durationMs > profileMaxMs) {
      throw new PerfloopError('INVALID_REQUEST', {
        problems: [`body.duration_ms: at most ${profileMaxMs}`],
      })
    }
    const profile: ProfileRecord = {
      ...profileOf(agent),
      id: randomUUID(),
      kind,
      origin: 'request',
      status: 'requested',
      durationMs,
      actor,
      requestedAt: new Date(clock.nowUnixMs()).toISOString(),
      startedAt: null,
    }
    if (!(await control.profiles.insert(profile))) {
      const [open] = await control.profiles.open(id)
      const reason = 'a profile of this agent is being taken'
      throw new PerfloopError('CONFLICT', { profile: open?.id ?? null, reason })
    }
    this.#wake(contact => contact === this.#contacts.get(id))
    return profile
  }

  /** For all instances of the service; those that have it must all allow the value. */
  async turnKnob(turn: KnobTurn): Promise<KnobValueRecord> {
    const { control, settings, clock } = this.#options
    const { environment, service, name, value, actor, reason } = turn
    const own = await this.#requireKnob(turn)
    if (turn.forMs > settings.agents.knobMaxMs) {
      throw new PerfloopError('INVALID_REQUEST', {
        problems: [`body.for_ms: at most ${settings.agents.knobMaxMs}`],
      })
    }
    const nowMs = clock.nowUnixMs()
    const before = await this.#turned(environment, service, name)
    const record: KnobValueRecord = {
      environment,
      service,
      name,
      value,
      actor,
      reason,
      setAt: new Date(nowMs).toISOString(),
      expiresAt: new Date(nowMs + turn.forMs).toISOString(),
    }
    await control.transaction(async store => {
      await store.ledger.append({
        at: record.setAt,
        subjectType: 'target',
        subjectId: knobSubject(record),
        actor,
        from: String(before?.value ?? own),
        to: String(value),
        reason,
        evidence: { knob: name, service, environment, expires_at: record.expiresAt },
      })
      await store.knobValues.put(record)
    })
    this.#wake(contact => contact.service === service && contact.environment === environment)
    return record
  }

  async putKnobBack(
    { environment, service, name }: Pick<KnobTurn, 'environment' | 'service' | 'name'>,
    actor: string,
    reason: string | null,
  ): Promise<void> {
    const { control, clock } = this.#options
    const before = await this.#turned(environment, service, name)
    if (before === undefined) throw new PerfloopError('NOT_FOUND', { knob: name })
    await control.transaction(async store => {
      await store.ledger.append({
        at: new Date(clock.nowUnixMs()).toISOString(),
        subjectType: 'target',
        subjectId: knobSubject(before),
        actor,
        from: String(before.value),
        to: 'own value',
        reason,
        evidence: { knob: name, service, environment },
      })
      await store.knobValues.remove(environment, service, name)
    })
    this.#wake(contact => contact.service === service && contact.environment === environment)
  }

  /** Somebody looks at the dashboard, or nobody does any more. */
  watch(isWatched: boolean): void {
    clearTimeout(this.#linger)
    this.#linger = undefined
    if (isWatched === this.#isWatched) return
    const change = () => {
      this.#isWatched = isWatched
      this.#wake(() => true)
    }
    if (isWatched) {
      change()
      return
    }
    this.#linger = setTimeout(change, this.#options.settings.agents.watchLingerMs)
    this.#linger.unref()
  }

  isConnected(agent: AgentRecord): boolean {
    return this.#options.clock.nowUnixMs() - this.lastSeenMs(agent) < this.#connectedMs()
  }

  /** Newer than what is written. */
  lastSeenMs(agent: AgentRecord): number {
    return Math.max(this.#contacts.get(agent.id)?.lastSeenMs ?? 0, Date.parse(agent.lastSeen))
  }

  /** Another Perfloop uses the same control store: agents that wait there hear of what is done here when they ask again. */
  get hasNeighbour(): boolean {
    return this.#hasNeighbour
  }

  /** What is expired ends: knobs, profiles that did not come, agents that are gone, profiles that are old. */
  async tend(): Promise<void> {
    const { control, settings, clock } = this.#options
    const nowMs = clock.nowUnixMs()
    const at = new Date(nowMs).toISOString()
    const { profileGraceMs, profileDays, maxProfilesBytes, maxProfiles } = settings.agents
    for (const turned of await control.knobValues.list()) {
      if (Date.parse(turned.expiresAt) <= nowMs) {
        await this.putKnobBack(turned, 'perfloop', 'its time is over')
      }
    }
    for (const { id, requestedAt, durationMs } of await control.profiles.open()) {
      if (nowMs - Date.parse(requestedAt) < durationMs + profileGraceMs) continue
      const isFailed = await control.profiles.change(id, ['requested', 'running'], {
        status: 'failed',
        finishedAt: at,
        failure: 'the agent did not send it in time',
      })
      if (isFailed) this.#options.onProfileChanged()
    }
    await control.profiles.prune(
      new Date(nowMs - profileDays * DAY_MS).toISOString(),
      maxProfilesBytes,
      maxProfiles,
    )
    await this.#lookForNeighbours()
    await this.#writeSeen()
    await this.#forgetTheGone()
    await control.transaction(() => this.#prune())
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#linger)
    this.#wake(() => true)
  }

  /** Those that are connected now are never forgotten, and so there may only be so many. */
  async #requireRoom(id: string): Promise<void> {
    const { maxAgents } = this.#options.settings.agents
    if (this.#contacts.has(id) || this.#contacts.size < maxAgents) return
    await this.#forgetTheGone()
    if (this.#contacts.size >= maxAgents) throw new PerfloopError('AGENT_LIMIT', { maxAgents })
  }

  #isGone({ wake, lastSeenMs }: Contact): boolean {
    return wake === undefined && this.#options.clock.nowUnixMs() - lastSeenMs > this.#connectedMs()
  }

  /** When each was heard of last is written before that is forgotten. */
  async #forgetTheGone(): Promise<void> {
    for (const [id, contact] of this.#contacts) {
      if (!this.#isGone(contact)) continue
      this.#contacts.delete(id)
      const { lastSeenMs, writtenMs } = contact
      if (lastSeenMs <= writtenMs) continue
      await this.#options.control.agents.seen(id, new Date(lastSeenMs).toISOString())
    }
  }

  async #prune(): Promise<void> {
    const { control, settings, clock } = this.#options
    const { keepDays, maxAgents, maxDeclarationsBytes } = settings.agents
    await control.agents.prune({
      before: new Date(clock.nowUnixMs() - keepDays * DAY_MS).toISOString(),
      most: maxAgents,
      mostDeclarationsBytes: maxDeclarationsBytes,
      living: new Set(this.#contacts.keys()),
    })
  }

  #connectedMs(): number {
    const { connectedMs, pollMs } = this.#options.settings.agents
    return Math.max(connectedMs, pollMs)
  }

  async #known(id: string, tokenEnvironment: string | undefined): Promise<AgentRecord> {
    const agent = await this.#options.control.agents.get(id)
    if (agent === undefined) throw new PerfloopError('AGENT_UNKNOWN')
    requireItsToken(tokenEnvironment, agent.environment)
    return agent
  }

  /** Of one that speaks with us all the time, without asking the store who it is. */
  async #contactOf(id: string, tokenEnvironment: string | undefined): Promise<Contact> {
    const contact = this.#contacts.get(id)
    if (contact === undefined) return this.#contact(await this.#known(id, tokenEnvironment))
    requireItsToken(tokenEnvironment, contact.environment)
    return contact
  }

  #contact({ id, environment, service }: AgentRecord): Contact {
    const known = this.#contacts.get(id)
    if (known !== undefined) return known
    const contact: Contact = {
      environment,
      service,
      lastSeenMs: 0,
      writtenMs: 0,
      profilesMs: [],
      turn: 0,
      changes: 0,
      wake: undefined,
    }
    this.#contacts.set(id, contact)
    return contact
  }

  /** Whoever finds another name where it has written its own is not alone. SQLite's file has one user by its lock. */
  async #lookForNeighbours(): Promise<void> {
    const { control, settings, logger } = this.#options
    if (settings.store.control.url === null) return
    const serving = await control.state.get(SERVING)
    const hasNeighbour = this.#hasServed && serving !== this.#name
    if (hasNeighbour && !this.#hasNeighbour) {
      const { pollMs } = settings.agents
      logger.warn(
        { pollMs },
        'another Perfloop uses this control database: agents hear late of news',
      )
    }
    this.#hasNeighbour = hasNeighbour
    this.#hasServed = true
    await control.state.set(SERVING, this.#name)
  }

  /** A thousand that start again with their cluster are written together: each writing waits for the disk. */
  async #put(record: AgentRecord): Promise<void> {
    this.#arriving.push(record)
    this.#putting ??= new Promise(resolve => setTimeout(resolve, PUT_TOGETHER_MS)).then(
      async () => {
        const records = this.#arriving.splice(0)
        this.#putting = undefined
        await this.#options.control.transaction(async store => {
          for (const one of records) await store.agents.put(one)
        })
      },
    )
    await this.#putting
  }

  /** Of those that only wait for news, now and then, all at once. */
  async #writeSeen(): Promise<void> {
    const due = [...this.#contacts].filter(
      ([, { lastSeenMs, writtenMs }]) => lastSeenMs - writtenMs >= SEEN_WRITTEN_MS,
    )
    if (due.length === 0) return
    await this.#options.control.transaction(async store => {
      for (const [id, contact] of due) {
        contact.writtenMs = contact.lastSeenMs
        await store.agents.seen(id, new Date(contact.lastSeenMs).toISOString())
      }
    })
  }

  async #settingsOf({ id, environment, service }: Identified): Promise<SettingsNews> {
    const { control, clock, settings } = this.#options
    const { agents } = settings
    const { sampling } = agents
    const samplingOf = (name: string) =>
      Object.hasOwn(sampling, name) ? sampling[name] : undefined
    const [turned, profiles] = await Promise.all([
      control.knobValues.list({ environment, service }),
      control.profiles.open(id),
    ])
    const nowMs = clock.nowUnixMs()
    const answer: AgentSettingsAnswer = {
      protocol: AGENT_PROTOCOL,
      watched: this.#isWatched,
      flush_interval_ms: this.#isWatched ? agents.watchedFlushIntervalMs : agents.flushIntervalMs,
      sampling_probability: samplingOf(service) ?? samplingOf('*') ?? 1,
      max_queued_bytes: agents.maxQueuedBytes,
      result_hashes: [service, '*'].some(name => agents.resultHashes.includes(name)),
      lease_ms: agents.leaseMs,
      knobs: turned
        .filter(({ expiresAt }) => Date.parse(expiresAt) > nowMs)
        .map(({ name, value }) => ({ name, value })),
      profiles: profiles.map(({ id: profile, kind, durationMs }) => ({
        id: profile,
        kind,
        duration_ms: durationMs,
      })),
    }
    return { settings: answer, etag: `"${contentHash(answer)}"` }
  }

  /** The agent is being told: what it is to profile runs from now. */
  async #hand({ id }: Identified): Promise<void> {
    const { control, clock } = this.#options
    for (const profile of await control.profiles.open(id)) {
      if (profile.status !== 'requested') continue
      const isRunning = await control.profiles.change(profile.id, ['requested'], {
        status: 'running',
        startedAt: new Date(clock.nowUnixMs()).toISOString(),
      })
      if (isRunning) this.#options.onProfileChanged()
    }
  }

  async #requireRequest(request: string, agent: string): Promise<void> {
    const profile = await this.#options.control.profiles.get(request)
    if (profile === undefined || profile.agent !== agent) {
      throw new PerfloopError('NOT_FOUND', { profile: request })
    }
    if (profile.status === 'finished' || profile.status === 'failed') throw answeredAlready(request)
  }

  #countProfile(contact: Contact, nowMs: number): void {
    contact.profilesMs = contact.profilesMs.filter(atMs => nowMs - atMs < MINUTE_MS)
    if (contact.profilesMs.length >= this.#options.settings.agents.profilesPerMinute) {
      throw new PerfloopError('AGENT_LIMIT')
    }
    contact.profilesMs.push(nowMs)
  }

  /** The host's own value, where the knob is offered and the value within every host's bounds. */
  async #requireKnob({ environment, service, name, value }: KnobTurn): Promise<number> {
    const { control, settings } = this.#options
    const { rows } = await control.agents.list({
      environment,
      service,
      limit: settings.agents.maxAgents,
      offset: 0,
    })
    const offered = rows
      .filter(agent => this.isConnected(agent))
      .flatMap(({ knobs }) => knobs.filter(knob => knob.name === name))
    const [first] = offered
    if (first === undefined) {
      throw new PerfloopError('NOT_FOUND', { knob: name, service, environment })
    }
    const minimum = Math.max(...offered.map(knob => knob.minimum))
    const maximum = Math.min(...offered.map(knob => knob.maximum))
    if (value < minimum || value > maximum) {
      throw new PerfloopError('INVALID_REQUEST', {
        problems: [`body.value: from ${minimum} to ${maximum} ${first.unit}`.trimEnd()],
      })
    }
    if (isWholeKnob(first) && !Number.isInteger(value)) {
      throw new PerfloopError('INVALID_REQUEST', {
        problems: [`body.value: a whole number, as of everything in ${first.unit}`],
      })
    }
    return first.ownValue
  }

  async #turned(
    environment: string,
    service: string,
    name: string,
  ): Promise<KnobValueRecord | undefined> {
    const turned = await this.#options.control.knobValues.list({ environment, service })
    return turned.find(knob => knob.name === name)
  }

  #wake(isMeant: (contact: Contact) => boolean): void {
    for (const contact of this.#contacts.values()) {
      if (!isMeant(contact)) continue
      contact.changes++
      contact.wake?.()
    }
  }
}

function requireItsToken(tokenEnvironment: string | undefined, environment: string): void {
  if (tokenEnvironment !== undefined && tokenEnvironment !== environment) {
    throw new PerfloopError('AGENT_UNKNOWN')
  }
}

function answeredAlready(profile: string): PerfloopError {
  return new PerfloopError('CONFLICT', { profile, reason: 'it was answered or given up already' })
}

/** Until it is woken, or the time is over, or nobody waits any more. */
function newsOr(contact: Contact, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      if (contact.wake === end) contact.wake = undefined
      resolve()
    }
    const timer = setTimeout(end, ms)
    timer.unref()
    signal.addEventListener('abort', end)
    contact.wake = end
  })
}

/** Where the ledger keeps what was done to a knob: an agent is a target like a database. */
export function knobSubject({
  environment,
  service,
  name,
}: Pick<KnobValueRecord, 'environment' | 'service' | 'name'>): string {
  return `agent:${environment}/${service}/${name}`
}

export function agentId(environment: string, service: string, instance: string): string {
  return contentHash([environment, service, instance])
}

function profileOf({ id, environment, service, instance }: AgentRecord) {
  return {
    agent: id,
    environment,
    service,
    instance,
    finishedAt: null,
    failure: null,
    sizeBytes: 0,
  }
}

function contentHash(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16)
}

/** In one order, so that instances that declared the same have the same revision. */
function sortedBy<Item extends object>(items: readonly Item[]): readonly Item[] {
  return items
    .map(item => ({ item, key: JSON.stringify(Object.values(item)) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ item }) => item)
}
