import { addAbortListener } from 'node:events'
import { closeSync, openSync, read, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { whileDependencyIsDown } from './retry.ts'
import { SpoilerError } from './spoiler-error.ts'
import type { StateCopy, StateIdentity, StatePosition } from './state-file.ts'
import type { SnapshotBytes, SnapshotSource, SnapshotStore } from './state-snapshot.ts'
import type { SnapshotTelemetry } from './telemetry.ts'

const readAt = promisify(read)

/** A state that has just committed a batch. */
export interface CopiedState {
  readonly streamTimeMs: number
  /** @returns what was copied; null while there is nothing whole to copy. */
  copyTo(path: string): StateCopy | null
}

/** Told of every commit of a fold. It never throws, and never waits for anything but the disk. */
export interface Snapshots {
  /** @param beforeMs Stream time before the batch, Unix milliseconds. */
  committed(partition: number, state: CopiedState, beforeMs: number): void
}

export interface SnapshotTakerDeps {
  readonly source: Omit<SnapshotSource, 'partition'>
  /** Fingerprint of the code that folds. */
  readonly code: string
  /** A snapshot is due when the append time of the input passes a multiple of it, ms. */
  readonly everyMs: number
  /** For copies that wait; exists. */
  readonly folder: string
  readonly open: () => Promise<SnapshotStore & Disposable>
  readonly telemetry: SnapshotTelemetry
  readonly signal: AbortSignal
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
}

/** A copy in a file that has no name any more: gone when it is closed, however the process ends. */
class Copy implements SnapshotBytes, Disposable {
  readonly state: StateIdentity
  readonly position: StatePosition & { readonly appliedOffset: number }
  readonly sizeBytes: number
  readonly #file: number

  constructor(path: string, state: StateIdentity, position: Copy['position']) {
    this.state = state
    this.position = position
    this.#file = openSync(path, 'r')
    this.sizeBytes = statSync(path).size
  }

  async read(start: number, end: number): Promise<Uint8Array> {
    const buffer = Buffer.alloc(end - start)
    let filled = 0
    while (filled < buffer.length) {
      const { bytesRead } = await readAt(this.#file, buffer, filled, buffer.length - filled, start + filled)
      if (bytesRead === 0) throw new RangeError(`the copy ends before byte ${end}`)
      filled += bytesRead
    }
    return buffer
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
  }
}

/**
 * Copies the state of a fold now and then and brings the copies to a store, behind the fold's back: a store that is
 * down is waited for, and of a partition only the newest copy waits.
 */
export class SnapshotTaker implements Snapshots {
  readonly #deps: SnapshotTakerDeps
  readonly #waiting = new Map<number, Copy>()
  #bringing: Promise<void> | undefined

  constructor(deps: SnapshotTakerDeps) {
    this.#deps = deps
  }

  committed(partition: number, state: CopiedState, beforeMs: number): void {
    const { everyMs } = this.#deps
    // by append time and not by our clock: a restart changes nothing of when a snapshot is due
    if (!Number.isFinite(beforeMs) || Math.floor(beforeMs / everyMs) === Math.floor(state.streamTimeMs / everyMs))
      return
    try {
      this.#copy(partition, state)
    } catch (error) {
      this.#deps.telemetry.failed(error)
    }
  }

  /** Settles when no copy waits any more. */
  async settled(): Promise<void> {
    await this.#bringing
  }

  #copy(partition: number, state: CopiedState): void {
    const { folder, source, telemetry } = this.#deps
    // what a process of this id has left behind, killed while it copied, is overwritten
    const path = join(folder, `${source.processor}.${partition}.${process.pid}.copy`)
    rmSync(path, { force: true })
    const startedMs = performance.now()
    try {
      const { identity, position } = state.copyTo(path) ?? {}
      if (identity === undefined || position?.appliedOffset == null) return
      const copy = new Copy(path, identity, { ...position, appliedOffset: position.appliedOffset })
      telemetry.copied({ partition, offset: copy.position.appliedOffset, ms: performance.now() - startedMs })
      this.#waiting.get(partition)?.[Symbol.dispose]()
      this.#waiting.set(partition, copy)
    } finally {
      rmSync(path, { force: true })
    }
    this.#bringing ??= this.#bringAll().finally(() => {
      this.#bringing = undefined
    })
  }

  async #bringAll(): Promise<void> {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      using copy = next
      try {
        await this.#bring(copy)
      } catch (error) {
        this.#deps.telemetry.failed(error)
      }
    }
  }

  #next(): Copy | undefined {
    const [first] = this.#waiting
    if (first === undefined) return undefined
    this.#waiting.delete(first[0])
    return first[1]
  }

  /** Gives way to a newer copy of the partition while the store is down. */
  async #bring(copy: Copy): Promise<void> {
    const { source, code, open, telemetry, signal, pause } = this.#deps
    const { state, position } = copy
    const put = async (): Promise<boolean> => {
      if (this.#waiting.has(state.partition)) return false
      const facts = { ...source, partition: state.partition, code, state, position }
      using store = await open()
      using _ended = addAbortListener(signal, () => {
        store[Symbol.dispose]()
      })
      await store.put(facts, copy)
      return true
    }
    const onUp = (): void => undefined
    const onDown = (error: SpoilerError): void => {
      telemetry.waiting(error)
    }
    const isKept = await whileDependencyIsDown(put, { signal, pause, onUp, onDown })
    if (isKept === true) telemetry.kept({ partition: state.partition, offset: position.appliedOffset })
  }
}
