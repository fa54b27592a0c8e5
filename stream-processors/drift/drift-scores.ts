import { SCORE_MEASURES, scoreCells } from '../../features/measures.ts'
import type { SpoilerScore } from '../../schemas/generated.ts'
import { NOTHING, type Processor } from '../../schemas/processor.ts'
import { counted, countingStore, type CountingTask } from './counting-task.ts'

interface ScoreStores {
  /** One entry. */
  readonly task: CountingTask
}

const TASK = 'task'
const MILLION = 1_000_000

/** Counts the scores of a partition of `spoiler-scores` by model version and window of event time. */
export const driftScores: Processor<SpoilerScore, ScoreStores> = {
  name: 'drift-scores',
  stores: { task: countingStore(SCORE_MEASURES) },

  onRecord({ value, position }, stores, streamTimeMs) {
    const { modelName, modelVersion, writtenAtMs: atMs, probability, isSpoiler } = value
    const millionths = Math.round(probability * MILLION)
    const tally = {
      subject: `scores/${modelName}@${modelVersion}`,
      modelName,
      modelVersion,
      atMs,
      segment: 'all',
      cells: scoreCells(value),
      times: 1,
      sums: isSpoiler
        ? { called: 1, probabilityOfCalled: millionths, probabilityOfOthers: 0 }
        : { called: 0, probabilityOfCalled: 0, probabilityOfOthers: millionths },
    } as const
    const place = { source: 'scores', partition: position.partition, streamTimeMs, reachedMs: atMs }
    const { task, partial } = counted(stores.task.get(TASK), [tally], SCORE_MEASURES, place)
    return {
      ...NOTHING,
      puts: [{ store: 'task', key: TASK, value: task }],
      forwards: partial === null ? [] : [{ to: 'driftPartials', value: partial }],
    }
  },
}
