import { numberAfter, readText } from './read-text.ts'

/** What the container we run in uses, and may use at most. */
export interface ContainerUsage {
  readonly cpuMs: number
  /** Cores it may use; undefined without a limit. */
  readonly limitCores: number | undefined
  readonly memoryBytes: number
  readonly memoryLimitBytes: number
}

/** cgroup v1 says "no limit" with a number near 2^63, rounded to pages. */
const NO_LIMIT_BYTES = 2 ** 60
const US_PER_MS = 1e3
const NS_PER_MS = 1e6

/** By control groups, version 2 or 1; undefined where no limit is set, for then the host is the measure. */
export async function readContainerUsage(
  procRoot = '/proc',
  cgroupRoot = '/sys/fs/cgroup',
): Promise<ContainerUsage | undefined> {
  const groups = await readText(`${procRoot}/self/cgroup`)
  if (groups === undefined) return undefined
  const usage = (await readVersion2(groups, cgroupRoot)) ?? (await readVersion1(groups, cgroupRoot))
  const isLimited =
    usage !== undefined && (usage.limitCores !== undefined || usage.memoryLimitBytes > 0)
  return isLimited ? usage : undefined
}

async function readVersion2(groups: string, root: string): Promise<ContainerUsage | undefined> {
  const path = /^0::(.*)$/m.exec(groups)?.[1]
  if (path === undefined) return undefined
  const read = (file: string) => readInGroup(root, path, file)
  const [cpuStat, cpuMax, current, max] = await Promise.all([
    read('cpu.stat'),
    read('cpu.max'),
    read('memory.current'),
    read('memory.max'),
  ])
  if (cpuStat === undefined || current === undefined) return undefined
  const [quota, period] = (cpuMax ?? 'max').trim().split(' ')
  return {
    cpuMs: (numberAfter(cpuStat, 'usage_usec') ?? 0) / US_PER_MS,
    limitCores: quota === 'max' ? undefined : Number(quota) / Number(period),
    memoryBytes: Number(current),
    memoryLimitBytes: toLimit(max),
  }
}

async function readVersion1(groups: string, root: string): Promise<ContainerUsage | undefined> {
  const pathOf = (controller: string) =>
    new RegExp(`^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(.*)$`, 'm').exec(groups)?.[1] ?? '/'
  const read = (controller: string, file: string) =>
    readInGroup(`${root}/${controller}`, pathOf(controller), file)
  const [usage, limit, cpu, quota, period] = await Promise.all([
    read('memory', 'memory.usage_in_bytes'),
    read('memory', 'memory.limit_in_bytes'),
    read('cpuacct', 'cpuacct.usage'),
    read('cpu', 'cpu.cfs_quota_us'),
    read('cpu', 'cpu.cfs_period_us'),
  ])
  if (usage === undefined || cpu === undefined) return undefined
  const quotaUs = Number(quota ?? -1)
  return {
    cpuMs: Number(cpu) / NS_PER_MS,
    limitCores: quotaUs > 0 ? quotaUs / Number(period) : undefined,
    memoryBytes: Number(usage),
    memoryLimitBytes: toLimit(limit),
  }
}

/** Inside a container the group's own files are at the root of the mount; outside at its path. */
async function readInGroup(root: string, path: string, file: string): Promise<string | undefined> {
  return (
    (await readText(`${root}${path === '/' ? '' : path}/${file}`)) ?? readText(`${root}/${file}`)
  )
}

function toLimit(text: string | undefined): number {
  const bytes = Number(text ?? 'max')
  return Number.isFinite(bytes) && bytes < NO_LIMIT_BYTES ? bytes : 0
}
