import type { DatasetManifest, LeftOut, OffsetRange } from '../trainers/dataset/manifest.ts'
import { durationText, grouped, percentText, table } from './text.ts'

const REASONS: Readonly<Record<keyof LeftOut, string>> = {
  otherFeatureService: 'of another feature service',
  superseded: 'superseded by a newer revision',
  immature: 'too young: their labels may still come or change',
  unlabelled: 'without a label before the cut-off',
  labelAfterCutoff: 'labelled only after their span',
  userKnown: 'in the gate, of users that other spans have',
}

/** What a person reads of a data set. */
export function datasetText(manifest: DatasetManifest): string {
  const { id, createdAt, featureService, features, split, maturityMs, counts } = manifest
  const seed = split.by === 'movie' || split.by === 'random' ? `, seed ${split.seed}` : ''
  const facts = [
    ['data set', id],
    ['created', createdAt],
    ['features', `${featureService}, ${features.length}`],
    ['split', `by ${split.by}${seed}`],
    ['maturity', durationText(maturityMs)],
    ['rows', `${grouped(counts.kept)} of ${grouped(counts.read)} feature rows, ${shareText(counts)} spoilers`],
    ...Object.entries(counts.leftOut)
      .filter(([, count]) => count > 0)
      .map(([reason, count]) => ['left out', `${grouped(count)} ${REASONS[reason as keyof LeftOut]}`]),
  ]
  const width = Math.max(...facts.map(([name = '']) => name.length))
  const head = facts.map(([name = '', value = '']) => `${name.padEnd(width)}  ${value}\n`).join('')
  return `${head}\n${spansText(manifest)}\n${rangesText([...manifest.rows, ...manifest.labels])}`
}

function spansText({ spans, files }: DatasetManifest): string {
  const rows = spans.map(({ span, rows: count, positives, fromMs, untilMs }) => {
    const own = files.filter((file) => file.span === span)
    const megabytes = own.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / 1e6
    const share = shareText({ kept: count, positives })
    return [span, grouped(count), share, instant(fromMs), instant(untilMs), String(own.length), megabytes.toFixed(1)]
  })
  return table(['SPAN', 'ROWS', 'SPOILERS', 'APPENDED FROM', 'UNTIL', 'FILES', 'MB'], rows)
}

function rangesText(ranges: readonly OffsetRange[]): string {
  const rows = ranges.map(({ topic, partition, from, to }) => [topic, String(partition), grouped(from), grouped(to)])
  return table(['TOPIC', 'PARTITION', 'FROM', 'TO'], rows)
}

/** Data sets, one a line. */
export function listText(manifests: readonly DatasetManifest[]): string {
  if (manifests.length === 0) return 'No data sets. See shield dataset build --help.\n'
  const rows = manifests.map(({ id, createdAt, split, counts, spans }) => [
    id,
    createdAt.slice(0, 16),
    split.by,
    grouped(counts.kept),
    shareText(counts),
    spans.map(({ rows: count }) => grouped(count)).join(' / '),
  ])
  return table(['DATA SET', 'CREATED', 'SPLIT', 'ROWS', 'SPOILERS', 'FIT / STOP / CALIBRATE / GATE'], rows)
}

function shareText({ kept, positives }: Pick<DatasetManifest['counts'], 'kept' | 'positives'>): string {
  return kept === 0 ? '–' : percentText(positives / kept)
}

function instant(ms: number | null): string {
  return ms === null ? '–' : new Date(ms).toISOString().slice(0, 19)
}
