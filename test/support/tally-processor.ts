import type { LogPosition, ReviewLabel, UserFeatures } from '../../schemas/generated.ts'
import { NOTHING, type Processor, type Step } from '../../schemas/processor.ts'

export interface TallyStores {
  /** Labels per user; stands in the changelog as another record than in the store. */
  counts: number
  /** Newest position per user and review. */
  positions: LogPosition
}

const NO_COUNTERS = { buckets: [], reviews: [], labelled: [], spoilers: [], units: [], ratings: [], ratingSum: [] }

/** What the label's source makes the tally do, beside counting. */
const MISBEHAVIOUR: Readonly<Record<string, (label: ReviewLabel) => Step<TallyStores>>> = {
  throw: () => {
    throw new TypeError('a bug of the fold')
  },
  'unencodable output': (label) => ({
    ...NOTHING,
    puts: [{ store: 'counts', key: label.userId, value: 1000 }],
    forwards: [
      { to: 'reviewLabels', value: label },
      { to: 'reviewLabels', value: { ...label, revision: 0.5 } },
    ],
  }),
  reject: () => ({ ...NOTHING, rejects: [{ code: 'SPL_ID_INVALID', cause: 'userId is empty' }] }),
  duplicate: () => ({ ...NOTHING, drops: [{ reason: 'duplicate' }] }),
  forget: (label) => ({ ...NOTHING, puts: [{ store: 'counts', key: label.userId, value: null }] }),
}

/** A fold that counts labels per user: every output tells the state it was made from. */
export const tally: Processor<ReviewLabel, TallyStores> = {
  name: 'tally',
  stores: {
    counts: {
      schema: 'LabelTrace',
      toRecord: (count) => ({ revision: count, isSpoiler: false, labelledAtMs: 0 }),
      fromRecord: ({ revision }: { revision: number }) => revision,
    },
    positions: { schema: 'LogPosition' },
  },
  onRecord({ value: label, position }, { counts }, streamTimeMs) {
    const misbehave = MISBEHAVIOUR[label.source]
    if (misbehave !== undefined) return misbehave(label)
    const count = (counts.get(label.userId) ?? 0) + 1
    const row: UserFeatures = {
      userId: label.userId,
      updatedAtMs: streamTimeMs,
      values: [count],
      counters: NO_COUNTERS,
    }
    return {
      ...NOTHING,
      puts: [
        { store: 'counts', key: label.userId, value: count },
        { store: 'positions', key: [label.userId, label.reviewId], value: position },
      ],
      forwards: [
        { to: 'reviewLabels', value: { ...label, revision: count } },
        { to: 'userFeatures', value: row },
      ],
    }
  },
}
