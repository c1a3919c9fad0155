export interface ChartSeries {
  readonly label: string
  readonly values: readonly (number | null)[]
  /** Name of a custom property, such as `--c-p95`. */
  readonly color: string
  readonly dash?: readonly number[]
  readonly shape?: 'line' | 'area' | 'bars'
}

export interface ChartMarker {
  readonly unixSeconds: number
  readonly label: string
}

export interface ChartSpec {
  /** What is shown, with its unit: the chart's accessible name. */
  readonly label: string
  /** Unix seconds, ascending. */
  readonly times: readonly number[]
  readonly series: readonly ChartSeries[]
  /** One value, for the tooltip and the data table. */
  readonly format: (value: number) => string
  /** Tick labels, all in one unit. */
  readonly axis: (max: number) => (value: number) => string
  /** Bytes: round values are powers of two. */
  readonly isBinary?: boolean
  /** Areas on top of each other; `values` are the layers' own. */
  readonly stacked?: boolean
  readonly markers?: readonly ChartMarker[]
  /** Charts of the same key share their cursor. */
  readonly syncKey?: string
}
