import type { RecordCodec } from '../../platform/record-codec.ts'
import { type PartitionRange, readRanges } from '../../platform/topic-reader.ts'
import type { LogPosition } from '../../schemas/generated.ts'
import { positionText, topics } from '../../schemas/topics.ts'
import type { Processor } from '../../schemas/processor.ts'
import type { FoldStart, FoldStarts } from '../fold-starts.ts'
import type { RecordedFold } from '../recorded-folds.ts'
import { RecordedServices } from '../recorded-services.ts'
import { refold } from '../refold.ts'
import { type Compared, type Difference, RecordComparison } from './compare-records.ts'
import { fieldDifferences } from './field-differences.ts'
import type { ComparedRange, StageReport, ToldDifference, VerifyDeps } from './report.ts'

/** A range, and what its fold begins with. */
interface BegunRange extends ComparedRange {
  readonly start: FoldStart
}

export interface VerifyFoldDeps extends VerifyDeps {
  readonly starts: Pick<FoldStarts, 'assertBefore' | 'before'>
}

/**
 * Folds a recorded input again and compares every record with what was live, bit for bit.
 *
 * From the beginning of the log that is all there is to compare. From a snapshot on, live records of before it are left
 * out; records that do not tell what they were made of count only as what was made again, so that one too many of them is
 * not noticed.
 *
 * @param live Whole partitions of the output, as far as they are compared.
 */
export async function verifyFold(
  fold: RecordedFold,
  { ranges, live }: { readonly ranges: readonly ComparedRange[]; readonly live: readonly PartitionRange[] },
  deps: VerifyFoldDeps,
): Promise<StageReport> {
  await deps.starts.assertBefore(ranges)
  const begun: BegunRange[] = []
  for (const range of ranges) begun.push({ ...range, start: await deps.starts.before(range) })
  const begins = new Map(begun.map(({ partition, start }) => [partition, start.offset]))
  using comparison = new RecordComparison(deps.workFolder)
  const services = await addLive(fold, { live, begins }, comparison, deps)
  const processor = fold.processor((position) => services.at(position))
  await addRefolded(fold, { processor, begun }, comparison, deps)
  const first: ToldDifference[] = []
  let differing = 0
  for (const difference of comparison.differences()) {
    differing += 1
    if (first.length >= deps.mostTold) continue
    first.push(await told(difference, fold, deps.codec))
  }
  const { name: stage } = processor
  const snapshots = Object.fromEntries([...begins].filter(([, offset]) => offset > 0))
  return { stage, snapshots, compared: comparison.required, differing, withinTolerance: 0, unproved: 0, first }
}

async function addRefolded(
  fold: RecordedFold,
  { processor, begun }: { readonly processor: Processor<never, never>; readonly begun: readonly BegunRange[] },
  comparison: RecordComparison,
  deps: VerifyFoldDeps,
): Promise<void> {
  const input = topics[fold.input].name
  const output = topics[fold.output].name
  const total = begun.reduce((sum, { end }) => sum + end, 0)
  let before = 0
  for (const { partition, from, to, end, start } of begun) {
    const range = { topic: input, partition, from, to: end }
    for await (const batch of refold(processor, range, { ...deps, start, boundaries: [from, to] })) {
      const { offset } = batch.records[0] as { readonly offset: number }
      const side = offset >= from && offset < to ? 'required' : 'possible'
      const made = batch.outgoing.flatMap(({ topic, value }) => (topic === output && value !== null ? [value] : []))
      for (const named of await allNamed(made, fold, deps.codec))
        comparison.add(side, { ...named, position: { partition, offset } })
      deps.onProgress({ step: `folding ${input}`, done: before + offset, total })
    }
    before += end
  }
}

interface Live {
  readonly live: readonly PartitionRange[]
  /** Of the input: where each partition was folded from. */
  readonly begins: ReadonlyMap<number, number>
}

/**
 * Live records as today's schema writes them: the same content is the same bytes.
 *
 * @returns Which feature service was live where.
 */
async function addLive(
  { output, nameOf, sourceOf, serviceOf }: RecordedFold,
  { live, begins }: Live,
  comparison: RecordComparison,
  { config, codec, signal, onProgress }: VerifyDeps,
): Promise<RecordedServices> {
  const services = new RecordedServices()
  const { name: topic, schema } = topics[output]
  const total = live.reduce((sum, { to }) => sum + to, 0)
  const fromTheBeginning = [...begins.values()].every((offset) => offset === 0)
  let done = 0
  for await (const { partition, offset, value: bytes } of readRanges(config, live, signal)) {
    done += 1
    onProgress({ step: `reading ${topic}`, done, total })
    const position = { partition, offset }
    const decoded = await codec.decode<never>(schema, bytes, false)
    if ('poison' in decoded) {
      const side = fromTheBeginning ? 'live' : 'unplaced'
      comparison.add(side, { name: 'what cannot be decoded', value: bytes ?? Buffer.alloc(0), position })
      continue
    }
    const source = sourceOf(decoded.value)
    if (source !== undefined && serviceOf !== undefined)
      services.add({ position: source, featureService: serviceOf(decoded.value) })
    const name = nameOf(decoded.value)
    if (name === undefined || isBefore(begins, source)) continue
    const value = codec.encode({ subject: `${topic}-value`, schema }, decoded.value)
    comparison.add(fromTheBeginning || source !== undefined ? 'live' : 'unplaced', { name, value, position })
  }
  return services
}

function isBefore(begins: Live['begins'], source: LogPosition | undefined): boolean {
  return source !== undefined && source.offset < (begins.get(source.partition) ?? 0)
}

/** Those that the fold itself writes. */
async function allNamed(
  values: readonly Buffer[],
  { output, nameOf }: RecordedFold,
  codec: RecordCodec,
): Promise<{ readonly name: string; readonly value: Buffer }[]> {
  const found: { readonly name: string; readonly value: Buffer }[] = []
  for (const value of values) {
    const decoded = await codec.decode<never>(topics[output].schema, value, false)
    const name = 'value' in decoded ? nameOf(decoded.value) : undefined
    if (name !== undefined) found.push({ name, value })
  }
  return found
}

/** One record on each side is one that differs; where there are several of a name nobody knows which is which. */
async function told(
  { name, missing: [made, ...moreMade], unexpected: [live, ...moreLive] }: Difference,
  fold: RecordedFold,
  codec: RecordCodec,
): Promise<ToldDifference> {
  const paired = made !== undefined && live !== undefined && moreMade.length === 0 && moreLive.length === 0
  if (!paired) {
    const [kind, topic, of] =
      live === undefined ? (['missing', fold.input, made] as const) : (['unexpected', fold.output, live] as const)
    return { name, kind, at: positionText({ topic: topics[topic].name, ...(of as Compared).position }), fields: [] }
  }
  const { name: topic, schema } = topics[fold.output]
  const [first, second] = await Promise.all(
    [made, live].map(async ({ value }) => {
      const decoded = await codec.decode(schema, value, false)
      return 'value' in decoded ? decoded.value : decoded
    }),
  )
  const at = positionText({ topic, ...live.position })
  return { name, kind: 'differs', at, fields: fieldDifferences(first, second) }
}
