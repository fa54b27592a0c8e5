const MOST_TERMS = 1_000
const PRECISION = 1e-15
/** Lanczos, g = 7, n = 9: error below 1e-13 for x > 0. */
const LANCZOS_FIRST = 0.99999999999980993
const LANCZOS: readonly number[] = [
  676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]

/**
 * Value that a chi-square variable exceeds with probability `alpha`.
 *
 * @param degrees whole number from 1.
 * @param alpha in (0, 1).
 * @throws RangeError beyond these.
 */
export function chiSquareQuantile(degrees: number, alpha: number): number {
  if (!(Number.isSafeInteger(degrees) && degrees >= 1)) throw new RangeError(`${degrees} degrees of freedom`)
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`alpha must be in (0, 1), got ${alpha}`)
  let low = 0
  let high = degrees + 10
  while (upperTail(degrees, high) > alpha) high *= 2
  for (let halvings = 0; halvings < 80; halvings++) {
    const middle = (low + high) / 2
    if (upperTail(degrees, middle) > alpha) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** Probability that a chi-square variable exceeds `value`: the regularised incomplete gamma function Q. */
function upperTail(degrees: number, value: number): number {
  const shape = degrees / 2
  const x = value / 2
  if (x <= 0) return 1
  const scale = Math.exp(-x + shape * Math.log(x) - logGamma(shape))
  return x < shape + 1 ? 1 - scale * series(shape, x) : scale * continuedFraction(shape, x)
}

function series(shape: number, x: number): number {
  let term = 1 / shape
  let sum = term
  for (let n = 1; n < MOST_TERMS && term > sum * PRECISION; n++) {
    term *= x / (shape + n)
    sum += term
  }
  return sum
}

/** By Lentz's method. */
function continuedFraction(shape: number, x: number): number {
  let b = x + 1 - shape
  let c = 1 / Number.MIN_VALUE ** 0.9
  let d = 1 / b
  let fraction = d
  for (let n = 1; n < MOST_TERMS; n++) {
    const a = -n * (n - shape)
    b += 2
    d = 1 / (a * d + b)
    c = b + a / c
    const factor = d * c
    fraction *= factor
    if (Math.abs(factor - 1) < PRECISION) break
  }
  return fraction
}

function logGamma(x: number): number {
  const sum = LANCZOS.reduce((total, coefficient, i) => total + coefficient / (x + i), LANCZOS_FIRST)
  const t = x + 6.5
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum)
}
