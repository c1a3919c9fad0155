/** One row of the table `resource_usage`; its units are in the schema's comments. */
export interface ResourceUsage {
  readonly environment: string
  readonly service: string
  readonly scope: 'host' | 'container' | 'process'
  readonly host: string
  /** 0 for host and container. */
  readonly pid: number
  readonly timestampUnixMs: number
  /** Cores for a process; share of all usable cores (0 to 1) for host and container. */
  readonly cpuRatio: number
  readonly memoryBytes: number
  /** 0 for a process. */
  readonly memoryLimitBytes: number
  /** 0 where the runtime does not tell. */
  readonly heapBytes: number
  readonly threads: number
  readonly openFiles: number
  /** Cumulative. */
  readonly diskReadBytes: number
  readonly diskWriteBytes: number
  readonly networkReceiveBytes: number
  readonly networkTransmitBytes: number
}
