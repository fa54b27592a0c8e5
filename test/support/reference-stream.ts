/** The generator of the shared reference vectors: s = (s * 1664525 + 1013904223) mod 2^32, u = s / 2^32. */
export function* lcg(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    yield state / 4_294_967_296
  }
}

/** Calibrated probabilities, rounded to two digits so that some tie, and outcomes drawn with them. */
export function calibratedRows(seed: number, count: number) {
  const uniform = lcg(seed)
  const rows = Array.from({ length: count }, () => {
    const probability = Math.min(0.999, Math.max(0.001, uniform.next().value ** 2))
    return { probability: Math.round(probability * 100) / 100, label: uniform.next().value < probability }
  })
  return { probabilities: rows.map(({ probability }) => probability), labels: rows.map(({ label }) => label) }
}
