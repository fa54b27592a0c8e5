import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { StateFile } from '../../../platform/state-file.ts'
import { keptStateFiles, type StateFiles } from '../../../platform/state-files.ts'
import { nextTurn } from './cluster.ts'

/** The disk of a machine: it outlives the processes on it. */
export class SimulatedDisk implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'spoiler-shield-simulated-'))

  /** State files as a process opens them; the end of the process, however it ends, closes them. */
  mount(): StateFiles & Disposable {
    const opened: StateFile[] = []
    let isMounted = true
    const files = keptStateFiles({
      folder: this.#folder,
      log: pino({ level: 'silent' }),
      pause: () => nextTurn(),
    })
    return {
      open: async (identity) => {
        const file = await files.open(identity)
        if (!isMounted) file[Symbol.dispose]()
        opened.push(file)
        return file
      },
      [Symbol.dispose]: () => {
        isMounted = false
        for (const file of opened.splice(0)) file[Symbol.dispose]()
      },
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
