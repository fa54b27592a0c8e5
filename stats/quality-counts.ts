/** Bins of equal width over [0, 1]. */
const SCORE_BINS = 100
const MICROS = 1_000_000
/** Bins of an octave of lengths: each is at most an eighth longer than the one before. */
const OCTAVE_BINS_BITS = 3

/** Integers that can be added up over partitions, and from which all figures follow. Arrays end at their last count. */
export interface QualityCounts {
  readonly rows: number
  /** Called positive. */
  readonly called: number
  readonly positives: number
  /** Called positive, and positive. */
  readonly hits: number
  /** Sum of the probabilities, in millionths. */
  readonly expectedPositiveMicros: number
  /** Sum of the probabilities of the called, in millionths. */
  readonly expectedHitMicros: number
  /** Sum of squared distances of probability and outcome, in millionths. */
  readonly squaredErrorMicros: number
  readonly rowsByScore: readonly number[]
  readonly positivesByScore: readonly number[]
  readonly rowsByLength: readonly number[]
  readonly positivesByLength: readonly number[]
}

export interface CountedRow {
  /** In [0, 1]. */
  readonly probability: number
  readonly isCalled: boolean
  /** Length of the text, UTF-16 units. */
  readonly units: number
  /** Null as long as nobody knows. */
  readonly isPositive: boolean | null
}

export const NOTHING_COUNTED: QualityCounts = {
  rows: 0,
  called: 0,
  positives: 0,
  hits: 0,
  expectedPositiveMicros: 0,
  expectedHitMicros: 0,
  squaredErrorMicros: 0,
  rowsByScore: [],
  positivesByScore: [],
  rowsByLength: [],
  positivesByLength: [],
}

/** Counts of one row. What was added can be taken back to the last digit: all are whole numbers. */
function countsOf({ probability, isCalled, units, isPositive }: CountedRow): QualityCounts {
  const micros = Math.round(probability * MICROS)
  const distance = probability - (isPositive === true ? 1 : 0)
  const [scoreBin, lengthBin] = [scoreBinOf(probability), lengthBinOf(units)]
  const positive = isPositive === true ? 1 : 0
  return {
    rows: 1,
    called: isCalled ? 1 : 0,
    positives: positive,
    hits: isCalled ? positive : 0,
    expectedPositiveMicros: micros,
    expectedHitMicros: isCalled ? micros : 0,
    squaredErrorMicros: isPositive === null ? 0 : Math.round(distance * distance * MICROS),
    rowsByScore: at(scoreBin, 1),
    positivesByScore: at(scoreBin, positive),
    rowsByLength: at(lengthBin, 1),
    positivesByLength: at(lengthBin, positive),
  }
}

/** @param times 1 adds the row, -1 takes it back. */
export function counted(before: QualityCounts, row: CountedRow, times: 1 | -1): QualityCounts {
  return added(before, countsOf(row), times)
}

export function added(a: QualityCounts, b: QualityCounts, times = 1): QualityCounts {
  return {
    rows: a.rows + times * b.rows,
    called: a.called + times * b.called,
    positives: a.positives + times * b.positives,
    hits: a.hits + times * b.hits,
    expectedPositiveMicros: a.expectedPositiveMicros + times * b.expectedPositiveMicros,
    expectedHitMicros: a.expectedHitMicros + times * b.expectedHitMicros,
    squaredErrorMicros: a.squaredErrorMicros + times * b.squaredErrorMicros,
    rowsByScore: addedBins(a.rowsByScore, b.rowsByScore, times),
    positivesByScore: addedBins(a.positivesByScore, b.positivesByScore, times),
    rowsByLength: addedBins(a.rowsByLength, b.rowsByLength, times),
    positivesByLength: addedBins(a.positivesByLength, b.positivesByLength, times),
  }
}

/** Middle of a bin of probabilities. */
export function probabilityOfBin(bin: number): number {
  return (bin + 0.5) / SCORE_BINS
}

/** @throws RangeError beyond [0, 1]. */
function scoreBinOf(probability: number): number {
  if (!(probability >= 0 && probability <= 1)) throw new RangeError(`${probability} is no probability`)
  return Math.min(SCORE_BINS - 1, Math.floor(probability * SCORE_BINS))
}

/** Grows with the length, by shifts alone: the same on every machine. */
function lengthBinOf(units: number): number {
  const octave = 31 - Math.clz32(Math.max(1, units))
  const fraction =
    octave >= OCTAVE_BINS_BITS ? units >> (octave - OCTAVE_BINS_BITS) : units << (OCTAVE_BINS_BITS - octave)
  const bins = 1 << OCTAVE_BINS_BITS
  return octave * bins + (fraction & (bins - 1))
}

function at(bin: number, count: number): readonly number[] {
  return count === 0 ? [] : [...new Array<number>(bin).fill(0), count]
}

function addedBins(a: readonly number[], b: readonly number[], times: number): readonly number[] {
  if (b.length === 0) return a
  const sum = [...a]
  while (sum.length < b.length) sum.push(0)
  for (let i = 0; i < b.length; i += 1) sum[i] = (sum[i] as number) + times * (b[i] as number)
  return sum.slice(0, sum.findLastIndex((count) => count !== 0) + 1)
}
