import { count, type Feature, ratio, spoilerV1 } from './spoiler-v1.ts'

/** Told by single sentences: sums and maxima over a review do not say whether cue and plot stand together. */
const sentenceFeatures = [
  count('telling_sentences', 'sentences', 'Sentences with a cue and a word of the plot.'),
  ratio('telling_sentence_share', 'share of sentences', 'Sentences with a cue and a word of the plot.'),
  count('ending_sentences', 'sentences', 'Sentences with a word that stands only in the last third of the synopsis.'),
  ratio('ending_sentence_share', 'share of sentences', 'Sentences with a word of the ending.'),
  ratio('first_telling_position', 'share of the text', 'Where the first telling sentence begins; 1 without one.', {
    default: 1,
  }),
] as const

const views = { ...spoilerV1.views, sentence_features: sentenceFeatures } as const

/** The feature service `spoiler_v2`: `spoiler_v1` as it is, and behind it what single sentences tell. */
export const spoilerV2 = {
  name: 'spoiler_v2',
  views,
  features: [...spoilerV1.features, ...sentenceFeatures] as readonly Feature[],
} as const
