/** Counts of tests. */
export interface Totals {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export const NO_TESTS: Totals = { passed: 0, failed: 0, skipped: 0 }

/** The part of vitest's JSON report that counts. */
export interface VitestReport {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly { readonly status: string }[]
  }[]
}

export interface SuiteTotals {
  readonly totals: Totals
  /** What failed besides tests, or null. */
  readonly complaint: string | null
}

/**
 * The true totals of a run. What no test reports counts as one failed test: a file that fails outside its tests, a run
 * that ends badly, and a run without tests. A test that began and never ended has failed.
 *
 * @param report   null when the runner wrote none.
 * @param exitCode null when a signal ended the runner.
 */
export function suiteTotals(report: VitestReport | null, exitCode: number | null): SuiteTotals {
  const files = report?.testResults ?? []
  const states = files.flatMap(({ assertionResults }) => assertionResults.map(({ status }) => status))
  const count = (status: string): number => states.filter((state) => state === status).length
  const unfinished = count('pending') // collected, and lost when its process ended
  const broken = files.filter(({ status, assertionResults }) => {
    return status === 'failed' && !assertionResults.some((test) => ['failed', 'pending'].includes(test.status))
  })
  const passed = count('passed')
  const failed = count('failed') + unfinished + broken.length
  const totals = { passed, failed, skipped: count('skipped') + count('todo') }
  const oneMore = (complaint: string): SuiteTotals => ({ totals: { ...totals, failed: failed + 1 }, complaint })

  if (report === null) return oneMore(`the runner wrote no report and ended with ${String(exitCode)}`)
  if (broken.length > 0)
    return { totals, complaint: `failed outside their tests: ${broken.map((f) => f.name).join(', ')}` }
  if (passed + failed === 0) return oneMore('no test ran')
  if (failed === 0 && exitCode !== 0) return oneMore(`the runner ended with ${String(exitCode)} though no test failed`)
  return { totals, complaint: null }
}

export function addTotals(a: Totals, b: Totals): Totals {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }
}

export function summaryLine({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
