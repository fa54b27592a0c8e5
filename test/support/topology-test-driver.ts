import avro from 'avsc'
import { avroSchemas } from '../../schemas/generated.ts'
import { type FoldState, MemoryFold } from '../../platform/memory-fold.ts'
import type { DropReason, Forward, Processor, Step, StoreDeclaration, StreamRecord } from '../../schemas/processor.ts'

export interface Driven {
  readonly output: readonly Forward[]
  readonly drops: readonly DropReason[]
  readonly rejects: readonly Step<never>['rejects'][number][]
  readonly state: FoldState
}

/** Folds records through a processor as {@link MemoryFold} does, and tells all that came out. */
export function drive<In, Stores>(
  processor: Processor<In, Stores>,
  records: readonly StreamRecord<In>[],
  from?: FoldState,
): Driven {
  const fold = new Fold(processor, from)
  for (const record of records) fold.next(record)
  return fold.result()
}

/** The same, record by record. */
export class Fold<In, Stores> {
  readonly #fold: MemoryFold<In, Stores>
  readonly #output: Forward[] = []
  readonly #drops: DropReason[] = []
  readonly #rejects: Step<never>['rejects'][number][] = []

  constructor(processor: Processor<In, Stores>, from?: FoldState) {
    this.#fold = new MemoryFold(processor, from)
  }

  /** @returns the step of the record itself. */
  next(record: StreamRecord<In>): Step<Stores> {
    const steps = this.#fold.next(record)
    for (const { forwards, drops, rejects } of steps) {
      this.#output.push(...forwards)
      this.#drops.push(...drops.map((drop) => drop.reason))
      this.#rejects.push(...rejects)
    }
    return steps.at(-1) as Step<Stores>
  }

  result(): Driven {
    return { output: this.#output, drops: this.#drops, rejects: this.#rejects, state: this.#fold.state() }
  }
}

/** What a restart leaves of the state: every value written as the Avro record of its store, and read back. */
export function throughAvro<In, Stores>(processor: Processor<In, Stores>, state: FoldState): FoldState {
  const declarations = processor.stores as Record<string, StoreDeclaration<unknown>>
  const stores = Object.entries(state.stores).map(([name, entries]) => {
    const declaration = declarations[name] as StoreDeclaration<unknown>
    const type = avro.Type.forSchema(avroSchemas[declaration.schema] as never)
    const restored = entries.map(([key, value]) => {
      const bytes = type.toBuffer(declaration.toRecord?.(value) ?? value)
      const record = JSON.parse(JSON.stringify(type.fromBuffer(bytes))) as never
      return [key, declaration.fromRecord?.(record) ?? record] as const
    })
    return [name, restored] as const
  })
  return { streamTimeMs: state.streamTimeMs, stores: Object.fromEntries(stores) }
}
