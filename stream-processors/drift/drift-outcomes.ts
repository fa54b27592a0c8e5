import { LABEL_MEASURES, labelCells, OUTCOME_MEASURES, outcomeCells } from '../../features/measures.ts'
import type { Outcome, ScoreOutcome } from '../../schemas/generated.ts'
import { NOTHING, type Processor } from '../../schemas/processor.ts'
import { LABEL_MATURITY_MS, type Tally } from './counters.ts'
import { counted, countingStore, type CountingTask } from './counting-task.ts'

interface OutcomeStores {
  /** One entry: what was labelled, by the day of the label. */
  readonly labels: CountingTask
  /** One entry: how scores turned out, by the day of the review. */
  readonly outcomes: CountingTask
}

const TASK = 'task'
const MILLION = 1_000_000

/**
 * Counts the outcomes of a partition of `score-outcomes`: labels at once, by the day on which they are given; and reviews
 * by their own day and model version, with the labels that came before they were mature. A revised label or score takes
 * back what was counted. Scores of a shadow are not published, and not counted.
 */
export const driftOutcomes: Processor<ScoreOutcome, OutcomeStores> = {
  name: 'drift-outcomes',
  stores: { labels: countingStore(LABEL_MEASURES), outcomes: countingStore(OUTCOME_MEASURES) },

  onRecord({ value: { outcome, previous }, position: { partition } }, stores, streamTimeMs) {
    if (outcome.score.mode === 'shadow') return NOTHING
    const { labelledAtMs, revision } = outcome.label
    const isLabel = previous?.label.revision !== revision // a revised score meets the same label again
    const place = { partition, streamTimeMs }
    const labels = counted(stores.labels.get(TASK), isLabel ? [labelTally(outcome)] : [], LABEL_MEASURES, {
      ...place,
      source: 'labels',
      reachedMs: labelledAtMs,
    })
    const changed = isInTime(outcome)
      ? [...(previous !== null && isInTime(previous) ? [outcomeTally(previous, -1)] : []), outcomeTally(outcome, 1)]
      : []
    const outcomes = counted(stores.outcomes.get(TASK), changed, OUTCOME_MEASURES, {
      ...place,
      source: 'outcomes',
      reachedMs: labelledAtMs - LABEL_MATURITY_MS,
    })
    const partials = [labels.partial, outcomes.partial].filter((partial) => partial !== null)
    return {
      ...NOTHING,
      puts: [
        { store: 'labels', key: TASK, value: labels.task },
        { store: 'outcomes', key: TASK, value: outcomes.task },
      ],
      forwards: partials.map((value) => ({ to: 'driftPartials', value }) as const),
    }
  },
}

function isInTime({ score, label }: Outcome): boolean {
  return label.labelledAtMs < score.writtenAtMs + LABEL_MATURITY_MS
}

function labelTally(outcome: Outcome): Tally {
  const { source, labelledAtMs: atMs } = outcome.label
  const nobodys = { subject: 'labels', modelName: null, modelVersion: null }
  return { ...nobodys, atMs, segment: source, cells: labelCells(outcome), times: 1, sums: {} }
}

/** Its sums are those from which F1 follows, as it came and as the probabilities promised. */
function outcomeTally(outcome: Outcome, times: 1 | -1): Tally {
  const { score, label } = outcome
  const { modelName, modelVersion, writtenAtMs: atMs, isSpoiler: isCalled } = score
  const millionths = Math.round(score.probability * MILLION)
  const sums = {
    called: isCalled ? times : 0,
    positives: label.isSpoiler ? times : 0,
    hits: isCalled && label.isSpoiler ? times : 0,
    probabilityOfCalled: isCalled ? times * millionths : 0,
    probabilityOfOthers: isCalled ? 0 : times * millionths,
  }
  const subject = `outcomes/${modelName}@${modelVersion}`
  return { subject, modelName, modelVersion, atMs, segment: label.source, cells: outcomeCells(outcome), times, sums }
}
