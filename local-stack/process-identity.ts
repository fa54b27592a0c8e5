import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Tells a process from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number
  /** Opaque; equal only for the same process of the same boot. */
  readonly startedAt: string
  readonly command: string
}

/** Field 22 of /proc/PID/stat (clock ticks since boot), counted after the parenthesised name that may hold blanks. */
const START_TICKS_AFTER_NAME = 19

function identifyOnLinux(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (state === 'Z' || state === 'X') return undefined
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
    return { pid, startedAt: `${boot}:${fields[START_TICKS_AFTER_NAME - 1] ?? ''}`, command }
  } catch {
    return undefined
  }
}

/** Untested; `ps` as macOS has it. */
function identifyWithPs(pid: number): ProcessIdentity | undefined {
  const ps = (column: string) =>
    execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' }).trim()
  try {
    return ps('state').startsWith('Z') ? undefined : { pid, startedAt: ps('lstart'), command: ps('command') }
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
  // exec replaces the command and keeps the start: both must agree.
  return found?.startedAt === identity.startedAt && found.command === identity.command
}
