import { readFileSync } from 'node:fs'

const WATCH_MS = 100
/** Ticks of /proc/PID/stat a second; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/** CPU time that a process has used so far, user and system, in ms. Linux only. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // the command, in brackets, may hold spaces
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND
}

/** Resident memory of a process, in MB. Linux only. */
export function rssMb(pid: number): number {
  return statusMb(pid, 'VmRSS')
}

function statusMb(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const kilobytes = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) / 1024
}

/** Most that was ever resident of a process, in MB. Linux only; what a process reports of itself may be its parent's. */
export function peakRssMb(pid: number): number {
  return statusMb(pid, 'VmHWM')
}

/** @param sorted Ascending, not empty. @param share 0 to 1. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

/** The CPU time that a process has used and the most memory that it ever held, as long as it was seen to run. */
export class ProcessWatch implements Disposable {
  cpuMs = 0
  peakRssMb = 0
  readonly #timer: NodeJS.Timeout

  constructor(pidOf: () => number | undefined) {
    this.#timer = setInterval(() => {
      const pid = pidOf()
      if (pid === undefined) return
      this.cpuMs = cpuMs(pid)
      const heldMb = Math.round(peakRssMb(pid))
      if (heldMb > this.peakRssMb) this.peakRssMb = heldMb // not a number once it has ended
    }, WATCH_MS)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
