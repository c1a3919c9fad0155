/** What one cluster of trials had: a block of time, one client, one trace. */
export interface Cluster {
  readonly trials: number
  readonly successes: number
}

/**
 * By how much the variance of a share grows because trials that belong together turn out alike (L. Kish, "Survey
 * Sampling", 1965, chapter 5; the variance of a ratio of clusters of unequal size after W. G. Cochran, "Sampling
 * Techniques", 1977, eq. 2.46): n such trials tell as much as n / effect independent ones. Never below 1.
 *
 * Where all trials turn out alike, nothing tells how much they depend on each other: then each cluster counts for one.
 */
export function designEffect(clusters: readonly Cluster[]): number {
  const own = clusters.filter(({ trials }) => trials > 0)
  const trials = own.reduce((sum, cluster) => sum + cluster.trials, 0)
  const successes = own.reduce((sum, cluster) => sum + cluster.successes, 0)
  if (own.length === 0) return 1
  const share = successes / trials
  const independent = (share * (1 - share)) / trials
  if (own.length === 1 || independent === 0) return trials / own.length
  const squares = own.reduce(
    (sum, cluster) => sum + (cluster.successes - share * cluster.trials) ** 2,
    0,
  )
  const between = (own.length / (own.length - 1)) * (squares / trials ** 2)
  return Math.max(1, between / independent)
}
