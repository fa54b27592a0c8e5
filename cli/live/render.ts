import type { ReviewFeatures, SpoilerScore } from '../../schemas/generated.ts'
import type { StyledLine } from '../screen.ts'
import { clip, durationText, grouped, oneLine, padEnd, percentText } from '../text.ts'
import type { Measures } from './live-quality.ts'
import type { ComponentView, Figures, LiveView, News, ShownReview } from './live-state.ts'

const TITLE_COLUMNS = 26
const FOOTER = 'Ctrl-C ends it.  In another terminal: shield status, shield tail spoiler-scores, shield dlq ls'
/** Longest text that is looked at for the words of a line. */
const SHOWN_UNITS = 600
const MASK = '█'
const LONGEST_MASK = 12

/** One line of figures, for where there is no terminal. */
export function plainLine(view: LiveView): string {
  return [
    durationText(view.elapsedMs),
    `reviews ${grouped(view.reviews)} (${grouped(view.reviewsPerSecond)}/s)`,
    `labels ${grouped(view.labels)}`,
    `scores ${grouped(view.scores)} (${grouped(view.scoresPerSecond)}/s)`,
    `behind ${view.secondsBehind.toFixed(1)} s`,
    `p50 ${msText(view.p50Ms)} p99 ${msText(view.p99Ms)}`,
    `spoilers ${shareText(view.spoilerShare)}`,
    `labelled ${shareText(labelledShare(view))}`,
    `F1 ${measureText(view.quality.model.f1)} (length ${measureText(view.quality.length.f1)})`,
    `PR-AUC ${measureText(view.quality.model.prAuc)} (length ${measureText(view.quality.length.prAuc)})`,
    `model ${view.model ?? '–'}`,
    `dead letters ${grouped(view.deadLetters)}`,
    `restarts ${view.restarts}`,
    ...(view.training === null ? [] : [`training: ${view.training}`]),
    ...view.components.filter(isTroubled).map((component) => `${component.name}: ${stateOf(component)}`),
  ].join(' · ')
}

/** Something that happened, with the quality at that time. */
export function newsLine({ sinceStartMs, text, f1 }: News): string {
  return `${durationText(sinceStartMs)}  F1 ${measureText(f1)}  ${text}`
}

/** The live view, top to bottom. */
export function liveLines(view: LiveView): StyledLine[] {
  const fact = (label: string, value: string): string => `${padEnd(label, 12)} ${padEnd(value, 28)}`
  const lines: StyledLine[] = [
    { text: '' },
    { text: `Spoiler Shield   ${durationText(view.elapsedMs)}${firstScoreText(view)}`, style: 'bold' },
    {
      text:
        fact('reviews', `${grouped(view.reviews)}  ${grouped(view.reviewsPerSecond)}/s`) +
        fact('labels', grouped(view.labels)),
    },
    {
      text:
        fact('scores', `${grouped(view.scores)}  ${grouped(view.scoresPerSecond)}/s`) +
        fact('spoilers', shareText(view.spoilerShare)),
    },
    {
      text:
        fact('latency', `p50 ${msText(view.p50Ms)}  p99 ${msText(view.p99Ms)}`) +
        fact('behind', `${view.secondsBehind.toFixed(1)} s`),
    },
    { text: fact('model', view.model ?? '–') + fact('dead letters', grouped(view.deadLetters)) },
    { text: fact('F1', besideLength(view, 'f1')) + fact('PR-AUC', besideLength(view, 'prAuc')) },
    {
      text:
        fact('labelled', `${shareText(labelledShare(view))} of its scores`) + fact('training', view.training ?? '–'),
    },
    { text: '' },
    ...view.components.map(componentLine),
    { text: '' },
    ...view.news.map((news) => ({ text: newsLine(news) })),
    ...(view.news.length > 0 ? [{ text: '' }] : []),
  ]
  const reviews = view.shown.map(reviewLine)
  const shown =
    reviews.length > 0
      ? reviews
      : [{ text: view.scores === 0 ? 'No scores yet.' : 'No spoilers yet.', style: 'dim' as const }]
  return [...lines, ...shown, { text: '' }, { text: FOOTER, style: 'dim' }]
}

/** What is said at the end. */
export function totalsText(totals: Figures, secondsToFirstScore: number | null): string {
  const first =
    secondsToFirstScore === null ? 'no score' : `first score ${secondsToFirstScore.toFixed(1)} s after start`
  return [
    `Reviews ${grouped(totals.reviews)}, labels ${grouped(totals.labels)}, scores ${grouped(totals.scores)}; ${first}.`,
    `Publish to committed score p50 ${msText(totals.p50Ms)}, p99 ${msText(totals.p99Ms)}; ${totals.scoresPerSecond.toFixed(0)} scores/s.`,
    `Spoilers ${shareText(totals.spoilerShare)} by ${totals.model ?? 'no model'}; dead letters ${grouped(totals.deadLetters)}, restarts ${totals.restarts}.`,
    `Labelled ${shareText(labelledShare(totals))} of its scores: F1 ${besideLength(totals, 'f1')}, PR-AUC ${besideLength(totals, 'prAuc')}.`,
  ].join('\n')
}

/** A review with its spoiling sentences masked; one that is flagged as a whole shows nothing of its text. */
export function shownReview(score: SpoilerScore, review: ReviewFeatures, title: string | undefined): ShownReview {
  const { probability, isSpoiler, spans } = score
  const words = isSpoiler && spans.length === 0 ? '(hidden: the whole review)' : maskSpans(review.text, spans)
  const shownTitle = title === undefined || title === '' ? review.movieId : title
  return { title: oneLine(shownTitle), probability, isSpoiler, words: oneLine(words) }
}

/** @param spans UTF-16 offsets, end exclusive, in any order; they may overlap. */
export function maskSpans(text: string, spans: readonly { readonly start: number; readonly end: number }[]): string {
  let shown = ''
  let at = 0
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    if (at >= SHOWN_UNITS) break
    if (end <= at) continue
    const from = Math.max(at, start)
    const blocks = MASK.repeat(Math.min(LONGEST_MASK, end - from))
    // trailing blanks belong to the sentence that follows
    const gap = /\s$/.test(text.slice(from, end)) ? ' ' : ''
    shown += `${text.slice(at, from)}${blocks}${gap}`
    at = end
  }
  return shown + text.slice(at, Math.max(at, SHOWN_UNITS))
}

function firstScoreText({ startedMs, firstScoreAtMs }: LiveView): string {
  return firstScoreAtMs === null ? '' : `   first score ${durationText(firstScoreAtMs - startedMs)} after the start`
}

function reviewLine({ title, probability, isSpoiler, words }: ShownReview): StyledLine {
  const percent = `${Math.round(probability * 100)} %`.padStart(5)
  const text = `${percent}  ${padEnd(clip(title, TITLE_COLUMNS), TITLE_COLUMNS)}  ${words}`
  return isSpoiler ? { text, style: 'red' } : { text }
}

function componentLine(component: ComponentView): StyledLine {
  const tasks = component.tasks.map(({ task, secondsBehind }) => `${task} ${secondsBehind.toFixed(1)} s`).join(', ')
  const restarts = component.restarts === 0 ? '' : `restarts ${component.restarts}  `
  const text = `${padEnd(component.name, 9)} ${padEnd(stateOf(component), 10)} ${restarts}${tasks === '' ? '' : `behind: ${tasks}`}`
  if (component.state === 'stopped') return { text, style: 'red' }
  return isTroubled(component) ? { text, style: 'yellow' } : { text }
}

function isTroubled({ state, ready }: ComponentView): boolean {
  return state === 'restarting' || state === 'stopped' || (state === 'running' && !ready)
}

function stateOf({ state, ready, unready, lastFailure }: ComponentView): string {
  if (state === 'stopped') return `stopped: ${oneLine(lastFailure ?? 'see its log')}`
  if (state === 'restarting') return `restarting: ${oneLine(lastFailure ?? 'see its log')}`
  if (state === 'finished') return 'finished'
  if (ready) return 'ready'
  const reasons = Object.entries(unready).map(([task, reason]) => `${task}: ${oneLine(reason)}`)
  return `not ready (${reasons.join('; ')})`
}

/** Of the scores that are remembered. */
function labelledShare({ quality: { scored, labelled } }: Figures): number | null {
  return scored === 0 ? null : labelled / scored
}

function besideLength({ quality: { model, length } }: Figures, measure: keyof Measures): string {
  return `${measureText(model[measure])}  (length ${measureText(length[measure])})`
}

function measureText(measure: number | null): string {
  return measure === null ? '–' : measure.toFixed(3)
}

function msText(ms: number | null): string {
  return ms === null ? '–' : durationText(ms)
}

function shareText(share: number | null): string {
  return share === null ? '–' : percentText(share)
}
