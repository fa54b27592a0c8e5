import { setTimeout as hold } from 'node:timers/promises'
import { type BrokerCluster, type NodeId, NODES } from '../support/broker-cluster.ts'
import { until } from '../support/pipeline.ts'
import type { S3Fault } from '../support/s3-proxy.ts'
import type { ProxyFault, TcpProxy } from '../support/tcp-proxy.ts'
import { freezeStep } from './freeze-step.ts'
import {
  type BrokerFault,
  type ComponentFault,
  peerOf,
  type PlannedFault,
  PROCESSES,
  type ProcessName,
  type SurroundingFault,
} from './plan.ts'
import type { FaultySystem } from './system.ts'

/** Longer than a member of a group may be silent, on the broker of the local stack (6 s). */
const PAST_SESSION_MS = 8_000
/** How long a dependency stays away, or slow, after it has been noticed. */
const OUTAGE_MS = 4_000
const S3_DELAY_MS = 1_500
const STORM_ROUNDS = 4
/** Between two moves of all leaders. */
const MOVED_MS = 2_000

/** Does it, and resolves when it is over: whatever heals then has to heal by itself. */
export function inflict(system: FaultySystem, fault: PlannedFault): Promise<void> {
  if (fault.target === null) return SURROUNDING[fault.kind](system)
  if (typeof fault.target === 'number') return BROKER[fault.kind](system.cluster, fault.target, system)
  return COMPONENT[fault.kind](system, fault.target)
}

const COMPONENT: Readonly<Record<ComponentFault, (system: FaultySystem, name: ProcessName) => Promise<void>>> = {
  kill: async (system, name) => {
    await untilBusy(system, name)
    process.kill(await system.pid(name), 'SIGKILL')
  },
  freeze: async (system, name) => {
    await untilBusy(system, name)
    const pid = await system.pid(name)
    const peer = peerOf(name)
    process.kill(pid, 'SIGSTOP')
    try {
      if (peer === undefined) await hold(PAST_SESSION_MS)
      else await until(`${peer} has taken over`, () => system.hasAll(peer))
    } finally {
      process.kill(pid, 'SIGCONT')
    }
  },
  storm: async (system, name) => {
    for (let round = 0; round < STORM_ROUNDS; round += 1) {
      await using third = system.startExtra(name, 'third')
      await until('the third instance has partitions', async () => (await third.partitions()) > 0)
      const { pid } = third.status()
      if (round % 2 === 1 && pid !== undefined) process.kill(pid, 'SIGKILL')
    }
  },
  twin: async (system, name) => {
    const before = system.status(name).restarts
    await using twin = system.startExtra(name, 'twin')
    await until(
      'the twins have fenced one another',
      () => system.status(name).restarts + twin.status().restarts > before + 1,
    )
  },
  'registry down': (system, name) => restartWithout(system, name, 'cut before request'),
  'registry slow': (system, name) => restartWithout(system, name, 'slow replies'),
}

const SURROUNDING: Readonly<Record<SurroundingFault, (system: FaultySystem) => Promise<void>>> = {
  'broker kill': async ({ pipeline: { stack } }) => {
    await stack.kill('kafka')
    await hold(OUTAGE_MS)
    await stack.start('kafka')
  },
  // in the order of a Ctrl-C: a broker that stops under load, alone, loses markers (docs/GUARANTEES.md)
  'broker restart': async (system) => {
    const { stack } = system.pipeline
    await system.publishers.pause()
    await system.end()
    await stack.stop('kafka')
    await stack.start('kafka')
    system.startAll()
    system.publishers.resume()
  },
  'broker freeze': (system) => freezeStep(system, { pid: () => system.pipeline.stack.pid('kafka') as number }),
  // as an operator does: the next one when all have everything again
  'rolling broker restart': async ({ cluster }) => {
    for (const node of NODES) {
      await cluster.untilBalanced()
      await cluster.stop(node)
      await cluster.start(node)
    }
  },
  'leader move': async ({ cluster }) => {
    await cluster.untilBalanced()
    for (let round = 0; round < NODES.length; round += 1) {
      await cluster.moveLeaders()
      await hold(MOVED_MS)
    }
  },
  'rolling restart': async (system) => {
    for (const name of PROCESSES) await system.restart(name)
  },
  'redis down': (system) => redisFails(system, 'cut before request', 'SPL_REDIS_UNAVAILABLE'),
  'redis slow': (system) => redisFails(system, 'slow replies'),
  'redis reply lost': (system) => redisFails(system, 'cut before reply', 'SPL_REDIS_UNAVAILABLE'),
  's3 down': (system) => s3Fails(system, 'cut before', 'SPL_S3_UNAVAILABLE'),
  's3 slow': (system) => s3Fails(system, 'slow'),
  's3 full': (system) => s3Fails(system, 'full', 'SPL_S3_UNAVAILABLE'),
  's3 reply lost': (system) => s3Fails(system, 'cut after', 'SPL_S3_UNAVAILABLE'),
}

/** What happens to one of several brokers, which leads its share then. */
const BROKER: Readonly<
  Record<BrokerFault, (cluster: BrokerCluster, node: NodeId, system: FaultySystem) => Promise<void>>
> = {
  'broker kill': async (cluster, node) => {
    await cluster.untilBalanced()
    await cluster.kill(node)
    await cluster.untilDeposed(node)
    await hold(OUTAGE_MS)
    await cluster.start(node)
  },
  // it wakes as one that others have deposed, and was deposed within transactions
  'broker freeze': async (cluster, node, system) => {
    await cluster.untilBalanced()
    await freezeStep(system, { pid: () => cluster.pid(node), whileFrozen: () => cluster.untilDeposed(node) })
  },
}

/** In the middle of its work. */
async function untilBusy(system: FaultySystem, name: ProcessName): Promise<void> {
  await system.untilWorking(name)
  const before = await system.processed(name)
  await until(`${name} is busy`, async () => (await system.processed(name)) > before)
}

async function restartWithout(system: FaultySystem, name: ProcessName, fault: ProxyFault): Promise<void> {
  await proxied(system.registry, fault, async () => {
    const { restarts } = system.status(name)
    process.kill(await system.pid(name), 'SIGKILL')
    await until(`${name} was started anew`, () => system.status(name).restarts > restarts)
    await system.untilWorking(name)
  })
}

async function redisFails(system: FaultySystem, fault: ProxyFault, complaint = ''): Promise<void> {
  await proxied(system.redis, fault, () => untilNoticed(system, 'sinks', complaint))
}

async function s3Fails(system: FaultySystem, fault: S3Fault | 'slow', complaint = ''): Promise<void> {
  const before = system.s3.onRequest
  system.s3.onRequest = fault === 'slow' ? () => hold(S3_DELAY_MS, 'none' as const) : () => fault
  try {
    await untilNoticed(system, 's3-offline-store', complaint)
  } finally {
    system.s3.onRequest = before
  }
}

async function proxied(proxy: TcpProxy, fault: ProxyFault, during: () => Promise<void>): Promise<void> {
  proxy.setFault(fault)
  try {
    await during()
  } finally {
    proxy.setFault('none')
  }
}

/** The process says that it is not ready, and why; one that is only slow has nothing to say. */
async function untilNoticed(system: FaultySystem, name: ProcessName, complaint: string): Promise<void> {
  await until(`${name} is unready: ${complaint}`, async () => (await system.complaint(name)).includes(complaint))
  await hold(OUTAGE_MS)
}
