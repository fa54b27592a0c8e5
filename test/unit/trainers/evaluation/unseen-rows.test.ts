import { expect, test } from 'vitest'
import type { DatasetManifest } from '../../../../trainers/dataset/manifest.ts'
import { type FittedOn, SHIPPED, unseenBy } from '../../../../trainers/evaluation/unseen-rows.ts'
import { exampleContent, exampleRow } from '../../../support/datasets.ts'

const manifest = (id: string, changed: Partial<DatasetManifest> = {}): DatasetManifest => {
  const rows = [0, 1].map((partition) => ({ topic: 'review-features', partition, from: 0, to: 50 }))
  return { id, createdAt: '', ...exampleContent([], []), rows, ...changed }
}
const gateFrom = (fromMs: number): DatasetManifest['spans'] =>
  manifest('x').spans.map((span) => (span.span === 'gate' ? { ...span, fromMs } : span))
const split = (by: 'movie' | 'random', seed: number) => ({ ...manifest('x').split, by, seed })
const DATASET = manifest('d')
/** Stands at offset 50 of partition 0, where the ranges of `manifest` end. */
const ROW = exampleRow(100, 'gate')

interface Case {
  readonly name: string
  readonly fittedOn: FittedOn
  readonly row?: typeof ROW
  readonly unseen: boolean
}

test.each<Case>([
  { name: 'the prior that ships', fittedOn: SHIPPED, unseen: true },
  { name: 'a version of which nobody knows its data set', fittedOn: null, unseen: false },
  { name: 'one of the same data set, whose spans are disjoint', fittedOn: manifest('d'), unseen: true },
  { name: 'one whose data set ended before the row', fittedOn: manifest('e'), unseen: true },
  {
    name: 'one whose data set holds the row',
    fittedOn: manifest('e'),
    row: exampleRow(99, 'gate', { offset: 49 }),
    unseen: false,
  },
  {
    name: 'one whose data set does not name the partition',
    fittedOn: manifest('e', { rows: [] }),
    unseen: false,
  },
  {
    name: 'a row behind the end, of other topics of the same name',
    fittedOn: manifest('e', { lineage: 2 }),
    unseen: false,
  },
  {
    name: 'a row in the time of its gate',
    fittedOn: manifest('e', { spans: gateFrom(ROW.appendedAtMs) }),
    row: { ...ROW, offset: 3 },
    unseen: true,
  },
  {
    name: 'a row before the time of its gate',
    fittedOn: manifest('e', { spans: gateFrom(ROW.appendedAtMs + 1) }),
    row: { ...ROW, offset: 3 },
    unseen: false,
  },
  {
    name: 'a row in the time of its gate, of another log',
    fittedOn: manifest('e', { lineage: 2, spans: gateFrom(0) }),
    unseen: false,
  },
])('$name: unseen $unseen', ({ fittedOn, row = ROW, unseen }) => {
  expect(unseenBy(fittedOn, DATASET)(row)).toBe(unseen)
})

test('a split by hash keeps its rows out of the fit, whenever they come and in every log', () => {
  const early = Array.from({ length: 300 }, (_, i) => exampleRow(i, 'gate', { movieId: `m${i}`, offset: 0 }))
  const inGate = (fittedOn: FittedOn): string[] =>
    early.filter(unseenBy(fittedOn, DATASET)).map(({ movieId }) => movieId)
  const one = inGate(manifest('e', { split: split('movie', 1), lineage: 2 }))
  expect(one.length).toBeGreaterThan(20)
  expect(one.length).toBeLessThan(80)
  expect(inGate(manifest('f', { split: split('movie', 1) }))).toEqual(one)
  expect(inGate(manifest('e', { split: split('movie', 2) }))).not.toEqual(one)
})
