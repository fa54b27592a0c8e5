import { createHash } from 'node:crypto'
import { ExternalSort } from '../../platform/external-sort.ts'
import type { LogPosition } from '../../schemas/generated.ts'

/**
 * Required: made from the compared range. Possible: made from records beside it. Live: found in the log. Unplaced: found
 * there too, and maybe made of records that were not folded again.
 */
export type Side = 'required' | 'possible' | 'live' | 'unplaced'
const SIDES: readonly Side[] = ['required', 'possible', 'live', 'unplaced']

/** One encoded record, on one side. */
export interface Compared {
  /** Entity and revision: what is compared with what. */
  readonly name: string
  readonly value: Buffer
  /** Of the input record that it was made from or, if live, its own. */
  readonly position: Omit<LogPosition, 'topic'>
}

/** What was made again and what is live differ about one name. */
export interface Difference {
  readonly name: string
  /** Made again, and not live. */
  readonly missing: readonly Compared[]
  /** Live, and not made again. */
  readonly unexpected: readonly Compared[]
}

/**
 * Compares two sets of records byte by byte, in constant memory: both are sorted on disk. How often a record is there
 * counts; its place in the log does not, since the partitions of an input interleave freely.
 */
export class RecordComparison implements Disposable {
  readonly #sort: ExternalSort
  #required = 0

  constructor(folder: string) {
    this.#sort = new ExternalSort(folder)
  }

  /** Records that have to be live. */
  get required(): number {
    return this.#required
  }

  add(side: Side, { name, value, position: { partition, offset } }: Compared): void {
    if (side === 'required') this.#required += 1
    const nameBytes = Buffer.from(name)
    const head = Buffer.alloc(HEAD_BYTES)
    head.writeUInt8(SIDES.indexOf(side), 0)
    head.writeUInt32BE(partition, 1)
    head.writeBigUInt64BE(BigInt(offset), 5)
    head.writeUInt16BE(nameBytes.length, 13)
    this.#sort.add(`${digest(nameBytes)}${digest(value)}`, Buffer.concat([head, nameBytes, value]))
  }

  /** Call it once, after the last {@link add}. */
  *differences(): Generator<Difference> {
    let group: { readonly id: string; readonly copies: Map<string, Copies> } | undefined
    for (const { key, payload } of this.#sort.sorted()) {
      const id = key.slice(0, DIGEST_CHARACTERS)
      if (group !== undefined && group.id !== id) yield* differenceIn(group.copies)
      if (group?.id !== id) group = { id, copies: new Map() }
      const { side, compared } = parsed(payload)
      const copies = group.copies.get(key) ?? { required: [], possible: [], live: [], unplaced: [] }
      copies[side].push(compared)
      group.copies.set(key, copies)
    }
    if (group !== undefined) yield* differenceIn(group.copies)
  }

  [Symbol.dispose](): void {
    this.#sort[Symbol.dispose]()
  }
}

/** Equal records of one name. */
type Copies = Record<Side, Compared[]>

const HEAD_BYTES = 15
const DIGEST_CHARACTERS = 40

function digest(bytes: Buffer): string {
  return createHash('sha1').update(bytes).digest('hex')
}

function parsed(payload: Buffer): { readonly side: Side; readonly compared: Compared } {
  const valueFrom = HEAD_BYTES + payload.readUInt16BE(13)
  const name = payload.toString('utf8', HEAD_BYTES, valueFrom)
  const position = { partition: payload.readUInt32BE(1), offset: Number(payload.readBigUInt64BE(5)) }
  const value = Buffer.from(payload.subarray(valueFrom)) // the payload is valid only until the next record
  return { side: SIDES[payload.readUInt8(0)] ?? 'live', compared: { name, value, position } }
}

function* differenceIn(group: ReadonlyMap<string, Copies>): Generator<Difference> {
  const missing: Compared[] = []
  const unexpected: Compared[] = []
  for (const { required, possible, live, unplaced } of group.values()) {
    missing.push(...required.slice(live.length + unplaced.length))
    unexpected.push(...live.slice(required.length + possible.length))
  }
  const name = missing[0]?.name ?? unexpected[0]?.name
  if (name !== undefined) yield { name, missing, unexpected }
}
