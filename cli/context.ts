import type { Config } from '../platform/config.ts'

/** Where text goes: `process.stdout` and `process.stderr` are such. */
export interface TextStream {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string | Uint8Array): unknown
}

/** The world as a command sees it. */
export interface CliContext {
  readonly env: NodeJS.ProcessEnv
  /** Results: what somebody may pipe on. */
  readonly stdout: TextStream
  /** Progress and errors. */
  readonly stderr: TextStream
  /** Aborts on the first Ctrl-C or SIGTERM, or when the process that started this one is gone. */
  readonly signal: AbortSignal
  /** The configuration, read when a command asks for it. @throws SpoilerError SPL_CONFIG_INVALID */
  readonly config: () => Config
  readonly exitWith: (code: number) => void
}

export function printJson({ stdout }: Pick<CliContext, 'stdout'>, value: unknown): void {
  stdout.write(`${JSON.stringify(value)}\n`)
}
