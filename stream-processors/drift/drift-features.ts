import { FEATURE_MEASURES, featureCells } from '../../features/measures.ts'
import type { ReviewFeatures, SeenTerms } from '../../schemas/generated.ts'
import { NOTHING, type Processor } from '../../schemas/processor.ts'
import { spoilerV1 } from '../../schemas/spoiler-v1.ts'
import { counted, countingStore, type CountingTask } from './counting-task.ts'
import { readTerms, termBuckets } from './seen-terms.ts'

interface FeatureStores {
  /** One entry. */
  readonly task: CountingTask
  /** By number of the block. */
  readonly terms: SeenTerms
}

const TASK = 'task'
const AUTHOR_IS_NEW = spoilerV1.features.findIndex(({ name }) => name === 'user_is_new')

/** Counts the feature rows of a partition of `review-features` by window of event time, apart for new and known authors. */
export const driftFeatures: Processor<ReviewFeatures, FeatureStores> = {
  name: 'drift-features',
  stores: { task: countingStore(FEATURE_MEASURES), terms: { schema: 'SeenTerms' } },

  onRecord({ value, position }, stores, streamTimeMs) {
    if (value.featureService !== spoilerV1.name) return NOTHING
    const { writtenAtMs: atMs, values, text } = value
    const { unseenShare, changed } = readTerms(termBuckets(text), atMs, (block) => stores.terms.get(String(block)))
    const tally = {
      subject: `features/${value.featureService}`,
      modelName: null,
      modelVersion: null,
      atMs,
      segment: values[AUTHOR_IS_NEW] === 1 ? 'new authors' : 'known authors',
      cells: featureCells(value, unseenShare),
      times: 1,
      sums: {},
    } as const
    const place = { source: 'features', partition: position.partition, streamTimeMs, reachedMs: atMs }
    const { task, partial } = counted(stores.task.get(TASK), [tally], FEATURE_MEASURES, place)
    const terms = [...changed].map(([block, seen]) => ({ store: 'terms', key: String(block), value: seen }) as const)
    return {
      ...NOTHING,
      puts: [{ store: 'task', key: TASK, value: task }, ...terms],
      forwards: partial === null ? [] : [{ to: 'driftPartials', value: partial }],
    }
  },
}
