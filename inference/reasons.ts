import type { ScoreReason } from '../schemas/generated.ts'
import type { Feature } from '../schemas/spoiler-v1.ts'
import type { Contribution, TermContribution } from './model.ts'

/** Most reasons published for one review. */
export const MAX_REASONS = 5

/** Words of a value, where the unit alone would not say enough. */
const WORDS: Readonly<Record<string, (value: number) => string>> = {
  text_units: (v) => `${v < 600 ? 'short' : v < 2_000 ? 'of usual length' : 'long'}: ${shown(v)} UTF-16 units`,
  units_over_movie_mean: (v) => `${v < 1 ? 'short' : 'long'} for this film: ${shown(v)} times the mean length`,
  units_per_minute: (v) => `${shown(v)} UTF-16 units per minute of film`,
  sentence_count: (v) => `${shown(v)} ${v === 1 ? 'sentence' : 'sentences'}`,
  mean_sentence_words: (v) => `${shown(v)} words in a sentence on average`,
  rating_minus_movie_mean: (v) => `rated ${distance(v)} the mean of the film`,
  rating_minus_user_mean: (v) => `rated ${distance(v)} the author's own mean`,
  rating: (v) => `rated ${shown(v)} of 10`,
  rating_given: (v) => (v === 1 ? 'the author rated the film' : 'the author gave no rating'),
  film_age_days: (v) => `written ${v < 0 ? `${shown(-v)} days before` : `${shown(v)} days after`} the release`,
  user_spoiler_rate: (v) => `${share(v)} of the author's labelled reviews spoil, smoothed`,
  user_recent_spoiler_rate: (v) => `${share(v)} of the author's newly labelled reviews spoil, smoothed`,
  movie_spoiler_rate: (v) => `${share(v)} of the film's labelled reviews spoil, smoothed`,
  movie_recent_spoiler_rate: (v) => `${share(v)} of the film's newly labelled reviews spoil, smoothed`,
  user_is_new: (v) => (v === 1 ? 'no earlier review of the author is known' : 'the author has written before'),
  movie_is_new: (v) => (v === 1 ? 'no earlier review of the film is known' : 'the film was reviewed before'),
  spoiler_banner: (v) => (v === 1 ? 'announces spoilers itself' : 'announces no spoilers'),
}

/** Most words named by one reason. */
const MAX_WORDS = 5
/** Name of a reason that is words of the review instead of a feature. */
const TERMS = 'terms'

/**
 * The largest contributions in log-odds, in words, largest first; what contributes nothing is no reason. The words of
 * the review that speak most for a spoiler are one reason, those that speak most against it another: whoever masks
 * sentences masks these reasons too.
 *
 * @param features Declarations of the feature service: say what a value without words of its own means.
 */
export function reasonsOf(
  contributions: readonly Contribution[],
  features: readonly Feature[],
  terms: readonly TermContribution[] = [],
): ScoreReason[] {
  const ofFeatures = contributions.map(({ feature, value, logOdds }) => ({
    feature,
    contribution: logOdds,
    text: () => (WORDS[feature] ?? declaredWords(feature, features))(value),
  }))
  return [...ofFeatures, ...termReasons(terms)]
    .filter(({ contribution }) => contribution !== 0)
    .toSorted((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution))
    .slice(0, MAX_REASONS)
    .map((reason) => ({ ...reason, text: reason.text() }))
}

/** The contribution is that of the words named. */
function termReasons(terms: readonly TermContribution[]) {
  const speakFor = largest(terms, ({ logOdds }) => logOdds)
  const speakAgainst = largest(terms, ({ logOdds }) => -logOdds)
  return [speakFor, speakAgainst].map((named) => {
    return {
      feature: TERMS,
      contribution: named.reduce((sum, { logOdds }) => sum + logOdds, 0),
      text: () => `${named.length === 1 ? 'the word' : 'the words'} ${named.map(({ term }) => `"${term}"`).join(', ')}`,
    }
  })
}

/** The terms of the largest positive size, largest first; a review has hundreds, of which few are named. */
function largest(
  terms: readonly TermContribution[],
  sizeOf: (term: TermContribution) => number,
): readonly TermContribution[] {
  const kept: TermContribution[] = []
  for (const term of terms) {
    const size = sizeOf(term)
    const last = kept[MAX_WORDS - 1]
    if (size <= 0 || (last !== undefined && size <= sizeOf(last))) continue
    const at = kept.findIndex((other) => size > sizeOf(other))
    kept.splice(at === -1 ? kept.length : at, 0, term)
    kept.length = Math.min(kept.length, MAX_WORDS)
  }
  return kept
}

function declaredWords(name: string, features: readonly Feature[]): (value: number) => string {
  const feature = features.find((declared) => declared.name === name)
  if (feature === undefined) throw new RangeError(`the feature service has no ${name}`)
  const what = feature.doc.split(/[.:]/, 1).join('').trim()
  const subject = what.charAt(0).toLowerCase() + what.slice(1)
  if (feature.type === 'boolean') return (value) => `${subject}: ${value === 1 ? 'yes' : 'no'}`
  return (value) => `${subject}: ${shown(value)} ${feature.unit}`
}

function distance(stars: number): string {
  if (stars === 0) return 'at'
  const size = Math.abs(stars)
  return `${shown(size)} ${size === 1 ? 'star' : 'stars'} ${stars > 0 ? 'above' : 'below'}`
}

function share(value: number): string {
  return `${Math.round(value * 100)} %`
}

/** Whole numbers in full, others with two significant digits or one decimal: "3.1", "0.25", "1250". */
function shown(value: number): string {
  if (Number.isInteger(value)) return String(value)
  return Math.abs(value) < 1 ? String(Number(value.toPrecision(2))) : String(Number(value.toFixed(1)))
}
