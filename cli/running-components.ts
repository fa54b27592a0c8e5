import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { identifyProcess, isRunning } from '../platform/process-identity.ts'
import type { ComponentStatus } from '../platform/supervisor.ts'

const Component = z.object({
  name: z.string(),
  state: z.enum(['running', 'restarting', 'stopped', 'finished']),
  pid: z.number().optional(),
  url: z.string().optional(),
  restarts: z.number(),
  lastFailure: z.string().optional(),
})
const Record = z.object({
  supervisor: z.object({ pid: z.number(), startedAt: z.string(), program: z.string() }),
  components: z.array(Component),
})

/** Tells other terminals which components run and where they answer. */
export class ComponentsFile implements Disposable {
  readonly #file: string

  constructor(stateDir: string) {
    this.#file = fileIn(stateDir)
    mkdirSync(stateDir, { recursive: true })
  }

  write(components: readonly ComponentStatus[]): void {
    const record = { supervisor: identifyProcess(process.pid), components }
    writeFileSync(`${this.#file}.new`, JSON.stringify(record, null, 1))
    renameSync(`${this.#file}.new`, this.#file)
  }

  [Symbol.dispose](): void {
    rmSync(this.#file, { force: true })
  }
}

/** What `shield start` left in the state folder; undefined when none runs there. */
export function readRunningComponents(stateDir: string): ComponentStatus[] | undefined {
  try {
    const { supervisor, components } = Record.parse(JSON.parse(readFileSync(fileIn(stateDir), 'utf8')))
    if (!isRunning(supervisor)) return undefined // it was killed, and could not take its file away
    return components.map(({ pid, url, lastFailure, ...rest }) => ({ ...rest, pid, url, lastFailure }))
  } catch {
    return undefined
  }
}

function fileIn(stateDir: string): string {
  return join(stateDir, 'components.json')
}
