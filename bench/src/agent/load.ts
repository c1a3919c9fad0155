import type { MeasuredApplication } from './measured-application.ts'

/** Milliseconds of each of `requests`, `inFlight` at a time. */
export async function askAtOnce(
  application: MeasuredApplication,
  route: string,
  { requests, inFlight }: { requests: number; inFlight: number },
): Promise<number[]> {
  const latenciesMs: number[] = []
  let next = 0
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < requests) latenciesMs.push(await application.get(`${route}/${next++ % 1_000}`))
    }),
  )
  return latenciesMs
}

/** The same at a fixed rate, whoever is still waiting: a slow answer delays no request after it. */
export async function askAtRate(
  application: MeasuredApplication,
  route: string,
  { perSecond, seconds }: { perSecond: number; seconds: number },
): Promise<{ readonly latenciesMs: number[]; readonly failures: string[] }> {
  const latenciesMs: number[] = []
  const failures: string[] = []
  const asked: Promise<void>[] = []
  const beganAt = performance.now()
  for (let n = 0; n < perSecond * seconds; n++) {
    const waitMs = beganAt + (n * 1_000) / perSecond - performance.now()
    if (waitMs > 0) await new Promise(resolve => setTimeout(resolve, waitMs))
    asked.push(
      application.get(`${route}/${n % 1_000}`).then(
        latencyMs => void latenciesMs.push(latencyMs),
        error => void failures.push(String(error)),
      ),
    )
  }
  await Promise.all(asked)
  return { latenciesMs, failures }
}
