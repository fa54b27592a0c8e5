import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { signalGroup } from './run-records.ts'

/** Kafka writes it when it has ended in order, and removes it when it starts. */
const ENDED_IN_ORDER = '.kafka_cleanshutdown'
const ACTIVE = 'Performing controller activation'
const FENCED = 'fenced=1'
/** From the moment that the controller is active; the session of the killed broker ends after one. */
const FENCED_WITHIN_MS = 5_000
const ACTIVE_WITHIN_MS = 30_000
const ENDS_WITHIN_MS = 10_000
const POLL_MS = 50

interface Fencing {
  /** Data folder of the broker. */
  readonly folder: string
  readonly controllerPort: number
  readonly logFile: string
  readonly java: string
  /** Options of the JVM that come before the main class. */
  readonly jvm: readonly string[]
  readonly signal: AbortSignal
  /** Told its pid, so that nobody forgets it. */
  readonly onStart: (pid: number) => void
}

/** Whether the last broker on this folder was killed. */
export function wasKilled(folder: string): boolean {
  return existsSync(join(folder, '__cluster_metadata-0')) && !existsSync(join(folder, ENDED_IN_ORDER))
}

/**
 * Lets the controller notice that its only broker was killed, before that broker starts again: starts the controller
 * alone until it has fenced the broker.
 *
 * A broker that starts on metadata in which it is alive leads its partitions at once, loads the state of transactions
 * and groups, is then registered anew and loses all its partitions for a moment. Kafka 4.3.1 loads and ends things
 * wrongly in that moment: the coordinator of groups has once come up with nothing of what its log holds, committed
 * offsets included, and that of transactions loses ends of them. A broker that is fenced leads nothing until it is
 * ready, as after an end in order, and does not wait for the session of its former self either.
 */
export async function fenceKilledBroker({ folder, controllerPort, logFile, ...run }: Fencing): Promise<void> {
  const file = join(folder, '..', 'kafka-fencing.properties')
  writeFileSync(file, controllerProperties(folder, controllerPort))
  const log = openSync(logFile, 'w')
  const args = [...run.jvm, '-DcontrollerLevel=info', 'kafka.Kafka', file]
  const child = spawn(run.java, args, { detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  const ended = new AbortController()
  const exited = once(child, 'exit').finally(() => {
    ended.abort()
  })
  exited.catch(() => undefined) // it cannot be run: the start of the broker will say so
  const { pid } = child
  if (pid === undefined) return
  run.onStart(pid)
  const signal = AbortSignal.any([run.signal, ended.signal])
  await untilFenced(logFile, signal)
  signalGroup(pid, 'SIGTERM')
  const insist = setTimeout(() => {
    signalGroup(pid, 'SIGKILL')
  }, ENDS_WITHIN_MS)
  await exited
  clearTimeout(insist)
}

/** Settings of the controller of a broker without the broker. */
function controllerProperties(folder: string, port: number): string {
  const properties = {
    'process.roles': 'controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `CONTROLLER://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': folder,
    'broker.session.timeout.ms': 1000,
    'broker.heartbeat.interval.ms': 500,
  }
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

/** A broker that is fenced already is not fenced again: then only the time ends the wait. */
async function untilFenced(logFile: string, signal: AbortSignal): Promise<void> {
  let untilMs = performance.now() + ACTIVE_WITHIN_MS
  let active = false
  while (!signal.aborted && performance.now() < untilMs) {
    const [, sinceActive] = readFileSync(logFile, 'utf8').split(ACTIVE)
    if (sinceActive?.includes(FENCED) === true) return
    if (sinceActive !== undefined && !active) {
      active = true
      untilMs = performance.now() + FENCED_WITHIN_MS
    }
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined)
  }
}
