/**
 * Distribution function of the standard normal: a power series near zero, a continued fraction in the
 * tails, so that small p-values keep their relative precision. Absolute error below 1e-14.
 */
export function normalCdf(x: number): number {
  if (Number.isNaN(x)) return Number.NaN
  return x > 0 ? 1 - upperTail(x) : upperTail(-x)
}

/** Two-sided p-value of a standard normal statistic. */
export function twoSidedP(z: number): number {
  return Math.min(1, 2 * upperTail(Math.abs(z)))
}

const SERIES_UNTIL = 3
const FRACTION_TERMS = 80

/** P(Z > x), x ≥ 0. */
function upperTail(x: number): number {
  if (x === Number.POSITIVE_INFINITY) return 0
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)
  return x < SERIES_UNTIL ? 0.5 - density * oddSeries(x) : density / millsFraction(x)
}

/** x + x³/3 + x⁵/(3·5) + …: Marsaglia, "Evaluating the normal distribution", J. Stat. Software 11 (2004). */
function oddSeries(x: number): number {
  let term = x
  let sum = x
  for (let odd = 3; term > sum * Number.EPSILON; odd += 2) {
    term *= (x * x) / odd
    sum += term
  }
  return sum
}

/** x + 1/(x + 2/(x + 3/(x + …))): Laplace's continued fraction of the reciprocal of Mills' ratio. */
function millsFraction(x: number): number {
  let fraction = x
  for (let term = FRACTION_TERMS; term >= 1; term -= 1) fraction = x + term / fraction
  return fraction
}

/**
 * Quantile of the standard normal: P. J. Acklam's rational approximation (2003), then one step of
 * Halley's method on the distribution function, which takes it to machine precision.
 */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) {
    if (p === 0) return Number.NEGATIVE_INFINITY
    return p === 1 ? Number.POSITIVE_INFINITY : Number.NaN
  }
  const start = p > 0.5 ? -approximateLower(1 - p) : approximateLower(p)
  const error = normalCdf(start) - p
  const step = error * Math.sqrt(2 * Math.PI) * Math.exp((start * start) / 2)
  return start - step / (1 + (start * step) / 2)
}

const A = [
  -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2,
  -3.066479806614716e1, 2.506628277459239,
]
const B = [
  -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1,
  -1.328068155288572e1, 1,
]
const C = [
  -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734,
  4.374664141464968, 2.938163982698783,
]
const D = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1]
const TAIL = 0.02425

function approximateLower(p: number): number {
  if (p < TAIL) {
    const q = Math.sqrt(-2 * Math.log(p))
    return polynomial(C, q) / polynomial(D, q)
  }
  const q = p - 0.5
  return (polynomial(A, q * q) * q) / polynomial(B, q * q)
}

function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0)
}
