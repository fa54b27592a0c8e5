// Beside the real Evidently: a minute to install, so that `npm run test:evidently` runs it and `npm test` does not.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { reportedWindows } from '../../cli/drift/drift-report.ts'
import { decide, simulatePartials } from '../../cli/drift/simulate-drift.ts'
import { loadModelVersion, PRIOR_FOLDER } from '../../inference/model-version.ts'
import type { DriftMeasure, DriftWindow } from '../../schemas/generated.ts'
import { stabilityIndex } from '../../stats/distribution-shift.ts'
import { runPythonTool } from '../support/python-tool.ts'

const WINDOWS = 22
const CHANGED_FROM = 19
const TOLERANCE = 1e-6

interface EvidentlyMeasure {
  readonly measure: string
  readonly psi: number
  readonly jensenshannon: number
  readonly wasserstein: number
  /** Probability of the Kolmogorov-Smirnov statistic. */
  readonly ks: number
}
interface EvidentlyWindow {
  readonly windowId: string
  readonly measures: readonly EvidentlyMeasure[]
}

let windows: readonly DriftWindow[]
beforeAll(async () => {
  const scenario = { name: 'spam-wave', fromWindow: CHANGED_FROM }
  const plan = { seed: 11, windows: WINDOWS, reviewsAWindow: 300, scenario }
  const partials = await simulatePartials(plan, await loadModelVersion(PRIOR_FOLDER))
  windows = decide(partials).windows.filter(({ referenceRows }) => referenceRows > 0)
})

/** What `shield drift report --json | evidently_windows.py` prints. */
async function askEvidently(asked: readonly DriftWindow[]): Promise<EvidentlyWindow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'evidently-'))
  try {
    const file = join(folder, 'windows.json')
    writeFileSync(file, JSON.stringify(asked.flatMap((window) => reportedWindows([window]))))
    return JSON.parse(await runPythonTool('evidently', 'evidently_windows.py', [file])) as EvidentlyWindow[]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/**
 * Probability that samples of one distribution differ as much: of all paths through the lattice of their ranks, the
 * share that leaves the bound. Of each point the share of the paths that reach it inside.
 */
function probabilityOf(distance: number, [n, m]: readonly [number, number]): number {
  const inside = new Float64Array(m + 1)
  for (let i = 0; i <= n; i++)
    for (let j = 0; j <= m; j++) {
      const below = i === 0 ? 0 : (inside[j] as number) * (i / (i + j))
      const left = j === 0 ? 0 : (inside[j - 1] as number) * (j / (i + j))
      const reached = i + j === 0 ? 1 : below + left
      inside[j] = Math.abs(i / n - j / m) >= distance - 1e-12 ? 0 : reached
    }
  return 1 - (inside[m] as number)
}

function rowsOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0)
}

/** What differs by more than the tolerance, and the largest difference. */
function compare(
  ours: readonly DriftMeasure[],
  theirs: readonly EvidentlyMeasure[],
): { readonly different: string[]; readonly largest: number } {
  const byName = new Map(theirs.map((one) => [one.measure, one]))
  const pairs = ours.flatMap(({ measure, counts, referenceCounts, ...our }) => {
    const their = byName.get(measure)
    const rows = [rowsOf(referenceCounts), rowsOf(counts)] as const
    return [
      [`${measure} psi`, our.psi, their?.psi],
      [`${measure} jensenshannon`, our.jensenShannon, their?.jensenshannon],
      [`${measure} wasserstein`, our.wasserstein, their?.wasserstein],
      [`${measure} ks`, probabilityOf(our.kolmogorovSmirnov ?? NaN, rows), their?.ks],
    ] as const
  })
  const differences = pairs.map(([name, our, their]) => [name, Math.abs((our ?? NaN) - (their ?? NaN))] as const)
  return {
    different: differences.filter(([, difference]) => !(difference <= TOLERANCE)).map(([name]) => name),
    largest: Math.max(...differences.map(([, difference]) => difference)),
  }
}

test('of quiet and changed windows of reviews and scores Evidently says the same to 1e-6', async () => {
  const subjects = [...new Set(windows.map(({ subject }) => subject))]
  const chosen = subjects.flatMap((subject) => {
    const own = windows.filter((window) => window.subject === subject)
    return [own[0], own.at(-1)].filter((window) => window !== undefined)
  })
  const answers = await askEvidently(chosen)
  expect(answers.map(({ windowId }) => windowId)).toEqual(chosen.map(({ windowId }) => windowId))
  const compared = chosen.map(({ measures }, i) => compare(measures, answers[i]?.measures ?? []))
  expect(compared.flatMap(({ different }) => different)).toEqual([])
  expect(subjects.length).toBe(2)
  expect(chosen.map(({ verdict }) => verdict)).toContain('over')
  const measures = chosen.reduce((sum, one) => sum + one.measures.length, 0)
  const largest = Math.max(...compared.map((one) => one.largest))
  process.stdout.write(
    `${measures} measures of ${chosen.length} windows: largest difference ${largest.toExponential(1)}\n`,
  )
})

test('the stability index beside a reference of more than 10,000 reviews, one of them alone in its bin', async () => {
  const window = windows.find(({ verdict }) => verdict !== 'learning') as DriftWindow
  const measures = window.measures.map(({ referenceCounts, ...rest }) => {
    const lone = referenceCounts.indexOf(0)
    return { ...rest, referenceCounts: referenceCounts.map((count, bin) => 5 * count + Number(bin === lone)) }
  })
  expect(rowsOf(measures[0]?.referenceCounts ?? [])).toBeGreaterThan(10_000)
  const [answer] = await askEvidently([{ ...window, measures }])
  const recomputed = measures.map(({ measure, counts, referenceCounts }) => {
    return [measure, stabilityIndex(referenceCounts, counts)] as const
  })
  const theirs = new Map(answer?.measures.map(({ measure, psi }) => [measure, psi]))
  const off = recomputed.filter(([measure, psi]) => !(Math.abs(psi - (theirs.get(measure) ?? NaN)) <= TOLERANCE))
  expect(off.map(([measure]) => measure)).toEqual([])
})

test('one review in another bin is found', async () => {
  const window = windows.at(-1) as DriftWindow
  const measures = window.measures.map((measure) => {
    const from = measure.counts.findIndex((count) => count > 0)
    const to = from === 0 ? 1 : 0
    const counts = measure.counts.map((count, bin) => count + Number(bin === to) - Number(bin === from))
    return { ...measure, counts }
  })
  const [answer] = await askEvidently([{ ...window, measures }])
  const { different } = compare(window.measures, answer?.measures ?? [])
  expect(different).toEqual(expect.arrayContaining(window.measures.map(({ measure }) => `${measure} wasserstein`)))
})
