import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'

/** Tells a process from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number
  /** Opaque; equal only for the same process of the same boot. */
  readonly startedAt: string
  /** Path of the program. Not its arguments: a process may rewrite those (Node's process.title, Valkey). */
  readonly program: string
}

/** Field 22 of /proc/PID/stat (clock ticks since boot), counted after the parenthesised name that may hold blanks. */
const START_TICKS = 22 - 4

function identifyOnLinux(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (state === 'Z' || state === 'X') return undefined
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const program = readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, '')
    return { pid, startedAt: `${boot}:${fields[START_TICKS] ?? ''}`, program }
  } catch {
    return undefined
  }
}

/** Untested; `ps` as macOS has it. */
function identifyWithPs(pid: number): ProcessIdentity | undefined {
  const ps = (column: string) =>
    execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' }).trim()
  try {
    return ps('state').startsWith('Z') ? undefined : { pid, startedAt: ps('lstart'), program: ps('comm') }
  } catch {
    return undefined
  }
}

/** @returns undefined when no such process runs (a zombie does not). */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  return process.platform === 'linux' ? identifyOnLinux(pid) : identifyWithPs(pid)
}

/** Whether that very process still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  const found = identifyProcess(identity.pid)
  return found?.startedAt === identity.startedAt && found.program === identity.program
}
