import { boundedType } from '../../platform/bounded-avro.ts'
import { ExternalSort } from '../../platform/external-sort.ts'
import type { AvroSchema } from '../../platform/parquet-columns.ts'

/** Records that are smaller than texts: their keys and places take more memory than they do. */
const RUN_BYTES = 8 * 1024 ** 2
const LONGEST_NUMBER = 16

/** Fields of a record on disk, by name. */
export type RecordFields = Readonly<Record<string, AvroSchema>>

export interface KeyedRecord<T> {
  readonly key: string
  readonly value: T
}

/** Sorts any number of records on disk, as Avro; equal keys keep their order. */
export class RecordSort<T> implements Disposable {
  readonly #sort: ExternalSort
  readonly #type: ReturnType<typeof boundedType>
  #length = 0

  constructor(folder: string, fields: RecordFields, runBytes = RUN_BYTES) {
    this.#sort = new ExternalSort(folder, runBytes)
    const schema = Object.entries(fields).map(([name, type]) => ({ name, type }))
    this.#type = boundedType({ type: 'record', name: 'Sorted', fields: schema })
  }

  get length(): number {
    return this.#length
  }

  /** @param key Of {@link numbersKey} or {@link textsKey}. @throws SpoilerError SPL_DISK_FULL */
  add(key: string, value: T): void {
    this.#sort.add(key, this.#type.toBuffer(value))
    this.#length += 1
  }

  /** All records by key. Call it after the last `add`, as often as wanted. */
  *inOrder(): Generator<KeyedRecord<T>, undefined> {
    for (const { key, payload } of this.#sort.sorted()) yield { key, value: this.#type.fromBuffer(payload) as T }
    return undefined
  }

  [Symbol.dispose](): void {
    this.#sort[Symbol.dispose]()
  }
}

/** A key that sorts as whole numbers of at least 0 do. */
export function numbersKey(...numbers: readonly number[]): string {
  return numbers.map((number) => String(number).padStart(LONGEST_NUMBER, '0')).join()
}

/** Ids hold no control characters: intake refuses them. */
const SEPARATOR = '\u0000'

/** A key of ids, different for different ones; those with an equal beginning stand together. */
export function textsKey(...texts: readonly string[]): string {
  return Buffer.from(texts.join(SEPARATOR)).toString('latin1') // a character a byte: how the keys compare is how they sort
}

/** What {@link textsKey} was given. */
export function idsOf(key: string): string[] {
  return Buffer.from(key, 'latin1').toString().split(SEPARATOR)
}
