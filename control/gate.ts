import { placesRead } from '../schemas/feature-services.ts'
import type { Estimate } from '../stats/bootstrap.ts'

/** What may take over is held against these. */
export interface GateLimits {
  /** Fewest spoilers, and fewest other reviews, to be judged on. */
  readonly leastOfAClass: number
  /** Most versions that one span of reviews may judge. */
  readonly mostUses: number
  /** The F1 score may be lower, and the Brier score higher, by so much at the far end of the interval. */
  readonly f1Margin: number
  readonly brierMargin: number
  /** In no slice may the PR-AUC be shown to be lower by more. */
  readonly sliceMargin: number
  readonly mostCalibrationError: number
  /** Slower than the champion by this factor, or faster than so many ms a review: one of the two has to hold. */
  readonly mostLatencyRatio: number
  readonly fastEnoughMs: number
  readonly mostBytes: number
  /** Of the first model, which has no champion but the prior: the low end of its ROC-AUC. */
  readonly leastFirstRocAuc: number
}

export const GATE_LIMITS: GateLimits = {
  leastOfAClass: 30,
  mostUses: 20,
  f1Margin: 0.05,
  brierMargin: 0.005,
  sliceMargin: 0.02,
  mostCalibrationError: 0.1,
  mostLatencyRatio: 10,
  fastEnoughMs: 5,
  mostBytes: 500_000_000,
  leastFirstRocAuc: 0.55,
}

/** A version that was opened, proved, and has scored the span. */
export interface JudgedVersion {
  readonly version: string
  readonly featureService: string
  readonly sizeBytes: number
  /** Mean on the rows of the span, in the same run as the other one. */
  readonly msPerReview: number
  /** Rows of the span that its data set proves it has not seen. */
  readonly unseenRows: number
}

/** A version that could not be opened: damaged, not there, of a feature service that nobody knows, wrong golden rows. */
export interface UnreadableVersion {
  readonly version: string
  readonly problem: string
}

/** The challenger less another one, on the same draws of rows. */
interface GateGain {
  readonly over: string
  readonly prAuc: Estimate | null
  readonly f1: Estimate | null
  readonly brier: Estimate | null
}

/** Figures of the challenger on the span; those over the champion and over length are found by name. */
export interface GateFigures {
  readonly rows: number
  readonly positives: number
  readonly scorers: readonly {
    readonly name: string
    readonly rocAuc: Estimate | null
    readonly calibrationError: number | null
  }[]
  readonly gains: readonly GateGain[]
  readonly slices: readonly { readonly slice: string; readonly gains: readonly GateGain[] }[]
}

/** What was found out about a challenger. Null is: could not be found out. */
export interface GateEvidence {
  /** Of the rows of the span. */
  readonly featureService: string
  readonly challenger: JudgedVersion | UnreadableVersion
  readonly champion: JudgedVersion | UnreadableVersion
  /** Whether the champion is the prior that ships, because nothing was ever deployed. */
  readonly isFirst: boolean
  /** Versions that the span has judged, this one included. */
  readonly uses: number | null
  readonly figures: GateFigures | null
  /** Name of the scorer that only knows how long a text is. */
  readonly lengthName: string
}

export const GATE_RULES = [
  'challenger-readable',
  'champion-readable',
  'another-version',
  'feature-service',
  'enough-labels',
  'span-unseen',
  'span-uses',
  'better-than-champion',
  'f1',
  'brier',
  'slices',
  'calibration',
  'latency',
  'size',
  'better-than-length',
  'floor',
] as const
type GateRule = (typeof GATE_RULES)[number]

export interface GateCheck {
  readonly rule: GateRule
  readonly passed: boolean
  /** For people. */
  readonly finding: string
}

export interface GateDecision {
  readonly passed: boolean
  readonly checks: readonly GateCheck[]
  /** For people: what was refused, or by how much it is better. */
  readonly reason: string
}

/**
 * Whether a challenger may take over. Fails closed: what is not known, not comparable or not finite is a refusal. Every
 * rule is looked at, so that a report names all that is wrong.
 */
export function decideGate(evidence: GateEvidence, limits: GateLimits = GATE_LIMITS): GateDecision {
  const checks = GATE_RULES.map((rule): GateCheck => {
    const { passed, finding } = RULES[rule](evidence, limits)
    return { rule, passed, finding }
  })
  const refused = checks.filter(({ passed }) => !passed)
  const shown = checks.filter(({ rule }) => rule === 'better-than-champion' || rule === 'better-than-length')
  const told = refused.length === 0 ? shown : refused
  const reason = told.map(({ rule, finding }) => `${rule}: ${finding}`).join('; ')
  return { passed: refused.length === 0, checks, reason }
}

interface Finding {
  readonly passed: boolean
  readonly finding: string
}
type Rule = (evidence: GateEvidence, limits: GateLimits) => Finding

const RULES: Readonly<Record<GateRule, Rule>> = {
  'challenger-readable': ({ challenger }) => readable(challenger),
  'champion-readable': ({ champion }) => readable(champion),
  'another-version': ({ challenger, champion }) => ({
    passed: challenger.version !== champion.version,
    finding: challenger.version === champion.version ? 'it serves already' : `against ${champion.version}`,
  }),
  'feature-service': ({ challenger, champion, featureService }) => {
    const read = [challenger, champion].map((one) => ('problem' in one ? 'unknown' : one.featureService))
    const finding = `the rows are of ${featureService}, challenger and champion read ${read.join(' and ')}`
    return { passed: read.every((one) => placesRead(featureService, one) !== undefined), finding }
  },
  'enough-labels': ({ figures }, { leastOfAClass }) => {
    const [positives, others] = figures === null ? [0, 0] : [figures.positives, figures.rows - figures.positives]
    return atLeast(Math.min(positives, others), leastOfAClass, `${positives} spoilers, ${others} other reviews`)
  },
  'span-unseen': ({ challenger, champion, figures }) => {
    const rows = figures?.rows ?? NaN
    const seen = [challenger, champion].map((one) => ('problem' in one ? rows : rows - one.unseenRows))
    const finding = `of ${rows} rows challenger and champion may have seen ${seen.join(' and ')}`
    return { passed: seen.every((count) => count === 0), finding }
  },
  'span-uses': ({ uses }, { mostUses }) => atMost(uses, mostUses, `the span has judged ${uses ?? '?'} versions`),
  'better-than-champion': (evidence) => better(gainOverChampion(evidence)?.prAuc, 'PR-AUC'),
  f1: (evidence, { f1Margin }) => notWorse(gainOverChampion(evidence)?.f1, 'F1', f1Margin),
  brier: (evidence, { brierMargin }) =>
    notWorse(negative(gainOverChampion(evidence)?.brier), 'less Brier', brierMargin),
  slices,
  calibration: ({ figures }, { mostCalibrationError }) => {
    const error = figures?.scorers[0]?.calibrationError ?? null
    return atMost(error, mostCalibrationError, `expected calibration error ${error?.toFixed(3) ?? 'unknown'}`)
  },
  latency: ({ challenger, champion }, { mostLatencyRatio, fastEnoughMs }) => {
    if ('problem' in challenger || 'problem' in champion) return UNKNOWN
    const ratio = challenger.msPerReview / champion.msPerReview
    const finding = `${challenger.msPerReview.toFixed(2)} ms a review, ${ratio.toFixed(1)} times the champion`
    return { passed: ratio <= mostLatencyRatio || (ratio > 0 && challenger.msPerReview <= fastEnoughMs), finding }
  },
  size: ({ challenger }, { mostBytes }) => {
    if ('problem' in challenger) return UNKNOWN
    return atMost(challenger.sizeBytes, mostBytes, `${(challenger.sizeBytes / 1e6).toFixed(1)} MB`)
  },
  'better-than-length': ({ figures, lengthName }) =>
    better(figures?.gains.find(({ over }) => over === lengthName)?.prAuc, 'PR-AUC'),
  floor: ({ figures, isFirst }, { leastFirstRocAuc }) => {
    if (!isFirst) return { passed: true, finding: 'only of the first model' }
    const low = figures?.scorers[0]?.rocAuc?.low ?? null
    return atLeast(low, leastFirstRocAuc, `ROC-AUC of the first model at least ${low?.toFixed(3) ?? 'unknown'}`)
  },
}

const UNKNOWN: Finding = { passed: false, finding: 'unknown' }

function readable(version: JudgedVersion | UnreadableVersion): Finding {
  return 'problem' in version
    ? { passed: false, finding: version.problem }
    : { passed: true, finding: `${version.version} was proved` }
}

/** The champion is the scorer behind the challenger. */
function gainOverChampion({ figures }: GateEvidence): GateGain | undefined {
  const name = figures?.scorers[1]?.name
  return figures?.gains.find(({ over }) => over === name)
}

function slices({ figures }: GateEvidence, { sliceMargin }: GateLimits): Finding {
  const name = figures?.scorers[1]?.name
  if (figures === null || name === undefined) return UNKNOWN
  const worse = figures.slices.flatMap(({ slice, gains }) => {
    const gain = gains.find(({ over }) => over === name)?.prAuc ?? null
    if (gain === null) return [`${slice} not comparable`]
    return gain.high >= -sliceMargin ? [] : [`${slice} ${textOf(gain)}`]
  })
  const finding = worse.length === 0 ? `none of ${figures.slices.length} worse` : `PR-AUC: ${worse.join(', ')}`
  return { passed: worse.length === 0, finding }
}

function better(gain: Estimate | null | undefined, what: string): Finding {
  if (gain == null) return UNKNOWN
  return { passed: gain.low > 0, finding: `${what} ${textOf(gain)}` }
}

function notWorse(gain: Estimate | null | undefined, what: string, margin: number): Finding {
  if (gain == null) return UNKNOWN
  return { passed: gain.low >= -margin, finding: `${what} ${textOf(gain)}` }
}

function negative(gain: Estimate | null | undefined): Estimate | null {
  return gain == null ? null : { value: -gain.value, low: -gain.high, high: -gain.low }
}

/** NaN is on no side of a limit. */
function atLeast(found: number | null, least: number, finding: string): Finding {
  return { passed: found !== null && found >= least, finding: `${finding}, at least ${least} asked for` }
}

function atMost(found: number | null, most: number, finding: string): Finding {
  return { passed: found !== null && found <= most, finding: `${finding}, at most ${most} allowed` }
}

function textOf({ value, low, high }: Estimate): string {
  return `${signed(value)} (${signed(low)} to ${signed(high)})`
}

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`
}
