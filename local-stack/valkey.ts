import { mkdirSync } from 'node:fs'
import { reachableHost, redisAnswers } from './health.ts'
import type { PartProgram } from './supervised-part.ts'
import type { Tools } from './tools.ts'

/** It says so itself, too: what answers on the port could be somebody else's. */
const LISTENS = 'Ready to accept connections'

interface ValkeySettings {
  readonly folder: string
  readonly host: string
  readonly port: number
}

/** Valkey with its data on disk: a restart keeps what was written up to a second before. */
export function valkeyProgram({ valkeyServer }: Tools, { folder, host, port }: ValkeySettings): PartProgram {
  mkdirSync(folder, { recursive: true })
  const settings = {
    port,
    bind: host,
    dir: folder,
    appendonly: 'yes',
    save: '', // the append-only file is enough
    daemonize: 'no',
    // Protected mode refuses other machines; who asked for another address wants them.
    'protected-mode': host === '127.0.0.1' ? 'yes' : 'no',
  }
  return {
    command: valkeyServer,
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    answers: async (log) => log.includes(LISTENS) && (await redisAnswers({ host: reachableHost(host), port })),
    readyWithinMs: 30_000,
    stopWithinMs: 10_000,
  }
}
