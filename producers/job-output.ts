import { totalOf, type TopicCounts } from './checkpoint.ts'
import { resumedRecords, type JobReport, type JobSummary } from './job.ts'
import type { Progress } from './produce.ts'

/** Where text goes; `process.stdout` is one. */
export interface TextSink {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const CLEAR_LINE = '\r\u001b[K'
const EVERY_MS_ON_TERMINAL = 250
const EVERY_MS_IN_PIPE = 5000

/** Progress in place on a terminal, as plain lines in a pipe. Call `done` before anything else is written. */
export function progressTo(sink: TextSink): JobReport & { readonly done: () => void } {
  const inPlace = sink.isTTY === true
  let open = false
  const show = (text: string): void => {
    sink.write(inPlace ? `${CLEAR_LINE}${text}` : `${text}\n`)
    open = inPlace
  }
  const sortingStep = inPlace ? 5000 : 100_000
  return {
    progressEveryMs: inPlace ? EVERY_MS_ON_TERMINAL : EVERY_MS_IN_PIPE,
    onSorting: (rows) => {
      if (rows % sortingStep === 0) show(`sorting by date: ${grouped(rows)} reviews read`)
    },
    onProgress: (progress) => show(progressLine(progress)),
    done: () => {
      if (open) sink.write('\n')
      open = false
    },
  }
}

function progressLine({ published, skipped, ratePerSecond, eventTimeMs, leftMs }: Progress): string {
  const parts = [countsLine(published), `${grouped(Math.round(ratePerSecond))} records/s`]
  if (skipped > 0) parts.push(`${grouped(skipped)} passed over`)
  if (Number.isFinite(eventTimeMs)) parts.push(`event time ${instantText(eventTimeMs)}`)
  if (leftMs !== null && leftMs > 0) parts.push(`${durationText(leftMs)} left`)
  return parts.join(' · ')
}

/** What a person reads at the end. */
export function summaryText(summary: JobSummary): string {
  const { outcome, published, acknowledged, rejected, elapsedMs } = summary
  if (outcome === 'already-finished')
    return (
      `Already finished: ${countsLine(acknowledged)}. Nothing was published.\n` +
      'With --again the same records are sent once more; their ids are the same, so they are scored once.\n'
    )
  const lines = [`Published ${countsLine(published)} in ${durationText(elapsedMs)}; all acknowledged.`]
  if (resumedRecords(summary) > 0)
    lines.push(`With the ${grouped(resumedRecords(summary))} records of earlier starts: ${countsLine(acknowledged)}.`)
  const refused = Object.entries(rejected)
  if (refused.length > 0) lines.push(`Refused or incomplete rows, named in ${summary.rejectsFile}:`)
  for (const [reason, count] of refused) lines.push(`  ${grouped(count)} × ${reason}`)
  if (outcome === 'paused') lines.push('Paused; the same command without --pause-at goes on from here.')
  if (outcome === 'interrupted') lines.push('Interrupted; the same command goes on from here.')
  return `${lines.join('\n')}\n`
}

function countsLine(counts: TopicCounts): string {
  const { movies, reviews, reviewLabels } = counts
  if (totalOf(counts) === 0) return 'no records'
  return [noun(movies, 'movie'), noun(reviews, 'review'), noun(reviewLabels, 'label')].join(', ')
}

function noun(count: number, singular: string): string {
  return `${grouped(count)} ${singular}${count === 1 ? '' : 's'}`
}

function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

function instantText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
}

function durationText(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
