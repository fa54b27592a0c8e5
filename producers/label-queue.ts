import type { ReviewLabel } from '../schemas/generated.ts'
import { MinHeap } from '../platform/min-heap.ts'

interface Waiting {
  readonly label: ReviewLabel
  readonly ordinal: number
}

/**
 * Labels that are known but not yet given, released in the order of their event time, ties in the order they came.
 * It holds at most the labels of one delay window.
 */
export class LabelQueue {
  private readonly heap = new MinHeap<Waiting>(
    (a, b) =>
      a.label.labelledAtMs < b.label.labelledAtMs ||
      (a.label.labelledAtMs === b.label.labelledAtMs && a.ordinal < b.ordinal),
  )
  private added = 0

  get size(): number {
    return this.heap.size
  }

  push(label: ReviewLabel): void {
    this.heap.push({ label, ordinal: this.added++ })
  }

  /** Event time of the next label; Infinity if there is none. */
  nextAtMs(): number {
    return this.heap.peek()?.label.labelledAtMs ?? Infinity
  }

  /** Takes out, one by one, every label with an event time of at most `untilMs`. */
  *release(untilMs: number): Generator<ReviewLabel> {
    while (this.size > 0 && this.nextAtMs() <= untilMs) yield (this.heap.pop() as Waiting).label
  }
}
