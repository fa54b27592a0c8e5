import { numbersKey, RecordSort } from './record-sort.ts'

interface Step {
  readonly appendedAtMs: number
  readonly labelledAtMs: number
}

/**
 * How far the labels had come, in event time, at a time of the log. One clock of all partitions, since a label of any
 * of them shows that its publishers had come so far.
 *
 * On disk are the labels that are younger than all before them in their partition.
 */
export class LabelClock implements Disposable {
  readonly #steps: RecordSort<Step>
  readonly #last = new Map<number, Step>()

  /** @param folder For what does not fit into memory. */
  constructor(folder: string) {
    this.#steps = new RecordSort(folder, { appendedAtMs: 'long', labelledAtMs: 'long' })
  }

  /** Labels of a partition come in the order of its log. */
  add(partition: number, appendedAtMs: number, labelledAtMs: number): void {
    const last = this.#last.get(partition)
    if (last !== undefined && labelledAtMs <= last.labelledAtMs) return
    // a broker whose clock was set back must not make the steps unsorted
    const step = { appendedAtMs: Math.max(appendedAtMs, last?.appendedAtMs ?? appendedAtMs), labelledAtMs }
    this.#last.set(partition, step)
    this.#steps.add(numbersKey(step.appendedAtMs), step)
  }

  /** Largest event time of any label; -Infinity where there is none. */
  get newestMs(): number {
    return Math.max(-Infinity, ...[...this.#last.values()].map(({ labelledAtMs }) => labelledAtMs))
  }

  /** Largest event time of a label appended before a time; -Infinity where there is none. */
  before(untilMs: number): number {
    if (untilMs === Infinity) return this.newestMs
    let newestMs = -Infinity
    for (const { value } of this.#steps.inOrder()) {
      if (value.appendedAtMs >= untilMs) break
      newestMs = Math.max(newestMs, value.labelledAtMs)
    }
    return newestMs
  }

  [Symbol.dispose](): void {
    this.#steps[Symbol.dispose]()
  }
}
