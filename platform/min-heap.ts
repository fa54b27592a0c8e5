/** Binary heap: the smallest item first. Equal items leave in no particular order; let `before` decide ties. */
export class MinHeap<T> {
  private readonly items: T[] = []
  private readonly before: (a: T, b: T) => boolean

  constructor(before: (a: T, b: T) => boolean) {
    this.before = before
  }

  get size(): number {
    return this.items.length
  }

  peek(): T | undefined {
    return this.items[0]
  }

  /** O(log n). */
  push(item: T): void {
    const { items } = this
    let at = items.length
    items.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.before(item, items[parent] as T)) break
      items[at] = items[parent] as T
      at = parent
    }
    items[at] = item
  }

  /** Removes the smallest; undefined if empty. O(log n). */
  pop(): T | undefined {
    const smallest = this.items[0]
    const last = this.items.pop()
    if (this.items.length > 0) this.settle(last as T)
    return smallest
  }

  /** Lets `item` sink from the root to its place. */
  private settle(item: T): void {
    const { items } = this
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      if (left >= items.length) break
      const right = left + 1
      const child = right < items.length && this.before(items[right] as T, items[left] as T) ? right : left
      if (!this.before(items[child] as T, item)) break
      items[at] = items[child] as T
      at = child
    }
    items[at] = item
  }
}
