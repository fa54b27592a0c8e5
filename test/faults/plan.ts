import { SeededRandom } from '../../stats/random.ts'
import { type NodeId, NODES } from '../support/broker-cluster.ts'

/** Component processes of a run: two instances of the folds and of the scorer, and the sinks. */
export const PROCESSES = ['folds-0', 'folds-1', 'scorer-0', 'scorer-1', 'sinks', 's3-offline-store'] as const
export type ProcessName = (typeof PROCESSES)[number]

/** What may happen to a component process. */
export const COMPONENT_FAULTS = ['kill', 'freeze', 'storm', 'twin', 'registry down', 'registry slow'] as const
/** What may happen to the only broker. */
const LONE_BROKER_FAULTS = ['broker kill', 'broker restart', 'broker freeze'] as const
/** What may happen to several brokers as a whole. */
const CLUSTER_FAULTS = ['rolling broker restart', 'leader move'] as const
/** What may happen to one of several brokers. */
export type BrokerFault = 'broker kill' | 'broker freeze'
/** What may happen to what all of them need. */
const SURROUNDING_FAULTS = [
  'rolling restart',
  'redis down',
  'redis slow',
  'redis reply lost',
  's3 down',
  's3 slow',
  's3 full',
  's3 reply lost',
] as const
export type ComponentFault = (typeof COMPONENT_FAULTS)[number]
export type SurroundingFault = (typeof LONE_BROKER_FAULTS | typeof CLUSTER_FAULTS | typeof SURROUNDING_FAULTS)[number]

export type PlannedFault =
  | { readonly kind: ComponentFault; readonly target: ProcessName }
  | { readonly kind: SurroundingFault; readonly target: null }
  | { readonly kind: BrokerFault; readonly target: NodeId }

/** A draw of these decides which instance is hit. */
const EITHER: Readonly<Record<string, readonly ProcessName[]>> = {
  folds: ['folds-0', 'folds-1'],
  scorer: ['scorer-0', 'scorer-1'],
  sinks: ['sinks'],
  s3: ['s3-offline-store'],
}
const ALL = Object.values(EITHER)
const [FOLDS, SCORER] = ALL as [readonly ProcessName[], readonly ProcessName[]]

/** Which components each kind hits, once each. */
const TARGETS: Readonly<Record<ComponentFault, readonly (readonly ProcessName[])[]>> = {
  kill: ALL,
  freeze: ALL,
  storm: [FOLDS, SCORER],
  twin: [FOLDS, SCORER],
  'registry down': [FOLDS],
  'registry slow': [SCORER],
}

const ORDER_STREAM = 1
const BROKER_STREAM = 2

/** How many brokers a run can have. */
export const BROKER_COUNTS = [1, 3] as const
export type Brokers = (typeof BROKER_COUNTS)[number]

/**
 * Every kind of fault, on every component that it can hit: which instance and broker, and in which order, follows from
 * the seed.
 */
export function planFaults(seed: number, brokers: Brokers): PlannedFault[] {
  const random = new SeededRandom(seed, ORDER_STREAM)
  const onComponents = COMPONENT_FAULTS.flatMap((kind) =>
    TARGETS[kind].map((either) => ({ kind, target: random.choice(either) })),
  )
  const onBrokers = brokers === 1 ? LONE_BROKER_FAULTS.map(toAll) : clusterFaults(seed)
  const all: PlannedFault[] = [...onComponents, ...onBrokers, ...SURROUNDING_FAULTS.map(toAll)]
  return random.sample(all, all.length)
}

/** Two brokers are killed, so that one of them is not the active controller. */
function clusterFaults(seed: number): PlannedFault[] {
  const random = new SeededRandom(seed, BROKER_STREAM)
  const killed = random.sample(NODES, 2).map((target): PlannedFault => ({ kind: 'broker kill', target }))
  return [...killed, { kind: 'broker freeze', target: random.choice(NODES) }, ...CLUSTER_FAULTS.map(toAll)]
}

function toAll(kind: SurroundingFault): PlannedFault {
  return { kind, target: null }
}

/** The short form: every component is killed, one becomes a zombie, and the broker dies. */
export function planShort(seed: number): PlannedFault[] {
  const random = new SeededRandom(seed, ORDER_STREAM)
  const faults: PlannedFault[] = [
    { kind: 'kill', target: random.choice(FOLDS) },
    { kind: 'kill', target: random.choice(SCORER) },
    { kind: 'kill', target: 'sinks' },
    { kind: 'freeze', target: random.choice([...FOLDS, ...SCORER]) },
    { kind: 'broker kill', target: null },
  ]
  return random.sample(faults, faults.length)
}

/** The other instance of the same program, where there is one. */
export function peerOf(name: ProcessName): ProcessName | undefined {
  return Object.values(EITHER)
    .find((instances) => instances.includes(name))
    ?.find((other) => other !== name)
}
