import type { BatchWorker, ComputedOutput } from '../../platform/batch-worker.ts'
import { idOf } from '../../platform/input-order.ts'
import type { TopicPartition, Watermarks } from '../../platform/kafka-consumer.ts'
import { KafkaFault } from '../../platform/kafka-fault.ts'
import type { OutgoingRecord } from '../../platform/kafka-producer.ts'
import { topics } from '../../schemas/topics.ts'
import type { SimulatedConsumer } from './simulation/group.ts'
import type { Ports } from './simulation/process.ts'
import type { Bug } from './simulation/simulate.ts'

/** What the check says of a bug: the stage where it shows, and the symptom. */
interface KnownBug extends Bug {
  readonly shows: readonly [stage: string, symptom: string]
}

const APPLIED = '\u001eapplied'

/** A port with some calls replaced; the others stay bound to the port itself. */
function replaced<T extends object>(port: T, calls: Partial<T>): T {
  return new Proxy(port, {
    get: (target, property) => {
      if (property in calls) return Reflect.get(calls, property) as unknown
      const found: unknown = Reflect.get(target, property)
      return typeof found === 'function' ? (found.bind(target) as unknown) : found
    },
  })
}

function computing(change: (output: ComputedOutput) => readonly OutgoingRecord[]): NonNullable<Bug['wrap']> {
  return (ports) => {
    const compute: BatchWorker['compute'] = async (records, next) => {
      const output = await ports.worker.compute(records, next)
      return { ...output, outgoing: change(output) }
    }
    return { ...ports, worker: replaced(ports.worker, { compute }) }
  }
}

const onProducer =
  (calls: (ports: Ports) => Partial<Ports['producer']>): NonNullable<Bug['wrap']> =>
  (ports) => ({ ...ports, producer: replaced(ports.producer, calls(ports)) })
const onWorker =
  (calls: (ports: Ports) => Partial<BatchWorker>): NonNullable<Bug['wrap']> =>
  (ports) => ({ ...ports, worker: replaced(ports.worker, calls(ports)) })
const onConsumer =
  (calls: (ports: Ports) => Partial<Ports['consumer']>): NonNullable<Bug['wrap']> =>
  (ports) => ({ ...ports, consumer: replaced(ports.consumer, calls(ports)) })

/** Mistakes that a runtime for streams can have. Each is put around what the real runtime is given; it cannot know. */
export const BUGS: Readonly<Record<string, KnownBug>> = {
  'offsets are committed before the outputs': {
    task: 'scorer',
    shownBy: 'kill',
    shows: ['scorer', 'lost'],
    wrap: onProducer(({ consumer }) => ({ sendOffsets: (offsets) => consumer.commit(offsets) })),
  },
  'outputs are visible before their transaction is': {
    task: 'scorer',
    shownBy: 'kill',
    shows: ['scorer', 'duplicated'],
    wrap: (ports, cluster) => {
      const sendAll = (records: readonly OutgoingRecord[]): Promise<void> => {
        for (const record of records) cluster.append({ ...record, partition: record.partition ?? 0 }, null)
        return Promise.resolve()
      }
      return { ...ports, producer: replaced(ports.producer, { sendAll }) }
    },
  },
  'the changelog is skipped': {
    task: 'user-history',
    shownBy: 'kill',
    shows: ['user-history', 'unexpected'],
    wrap: computing(({ outgoing }) =>
      outgoing.filter(({ topic, key }) => !topic.endsWith('-changelog') || key === APPLIED),
    ),
  },
  'state and changelog do not tell how far they were folded': {
    task: 'movie-context',
    shownBy: 'kill',
    shows: ['movie-context', 'stopped'],
    wrap: computing(({ outgoing }) => outgoing.filter(({ key }) => key !== APPLIED)),
  },
  'a restore ends at the last stable offset': {
    task: 'movie-context',
    shownBy: 'kill',
    shows: ['movie-context', 'stopped'],
    wrapRestore: (ports, cluster) => {
      const watermarks = (input: TopicPartition): Promise<Watermarks> =>
        Promise.resolve({ low: 0, high: cluster.lastStable(idOf(input)) })
      return { ...ports, watermarks }
    },
  },
  'metadata of a later generation vouch for a batch': {
    task: 'scorer',
    shownBy: 'freeze',
    shows: ['scorer', 'duplicated'],
    wrap: onConsumer(({ consumer }) => ({
      groupMetadata: () => ({ ...consumer.groupMetadata(), assertCurrent: () => undefined }),
    })),
  },
  'state is kept after a revocation': {
    task: 'user-history',
    shownBy: 'freeze',
    shows: ['user-history', 'unexpected'],
    wrap: (ports) => {
      const held = new Set<string>()
      const restore: BatchWorker['restore'] = async (input) => {
        const [committed] = await ports.consumer.committed([input])
        if (!held.has(idOf(input)) || committed == null) {
          held.add(idOf(input))
          return ports.worker.restore(input)
        }
        return { offset: committed.offset, streamTimeMs: 0 }
      }
      return { ...ports, worker: replaced(ports.worker, { restore, release: () => undefined }) }
    },
  },
  'the disk has a batch before its transaction is committed': {
    task: 'user-history',
    shownBy: 'kill',
    shows: ['user-history', 'stopped'],
    wrap: onWorker(({ worker }) => ({
      compute: async (records, next) => {
        const output = await worker.compute(records, next)
        worker.commit(next)
        return output
      },
      commit: () => undefined,
    })),
  },
  'the state on disk is taken for newer than it is': {
    task: 'user-history',
    shownBy: 'kill',
    shows: ['user-history', 'stopped'],
    wrapRestore: (ports, cluster) => ({
      ...ports,
      states: {
        open: async (identity) => {
          const file = await ports.states.open(identity)
          const { position } = file
          const { high } = await cluster.watermarks({ topic: identity.changelog, partition: identity.partition })
          if (position !== null) file.write([], { ...position, changelogOffset: high })
          return file
        },
      },
    }),
  },
  'an aborted batch is not read again': {
    task: 'scorer',
    shownBy: 'abortable',
    shows: ['scorer', 'lost'],
    wrap: onConsumer(() => ({ seek: () => Promise.resolve() })),
  },
  'an aborted batch stays in the state': {
    task: 'user-history',
    shownBy: 'abortable',
    shows: ['user-history', 'lost'],
    wrap: onWorker(() => ({ discard: () => undefined })),
  },
  'a commit whose reply was lost is taken for an abort': {
    task: 'movie-context',
    shownBy: 'reply lost',
    shows: ['movie-context', 'duplicated'],
    wrap: onProducer(({ producer }) => ({
      commit: () =>
        producer.commit().catch((error: unknown) => {
          if (!(error instanceof KafkaFault && error.retriable)) throw error
          throw new KafkaFault('committing', { message: 'given up', isTxnRequiresAbort: true })
        }),
    })),
  },
  'what was aborted is read': {
    task: 'scorer',
    shows: ['scorer', 'unexpected'],
    wrap: onConsumer(({ consumer }) => ({
      read: ({ maxRecords }) => (consumer as SimulatedConsumer).readWith(maxRecords, 'uncommitted'),
    })),
  },
  'a reader takes what was aborted': {
    task: 'scorer',
    shows: ['reader', 'aborted record seen'],
    readerIsolation: 'uncommitted',
  },
  'a poison record is swallowed': {
    task: 'intake',
    shows: ['dead-letters', 'lost'],
    wrap: computing(({ outgoing }) => outgoing.filter(({ topic }) => topic !== topics.deadLetters.name)),
  },
  'results are reordered': {
    task: 'scorer',
    shows: ['scorer', 'reordered'],
    wrap: computing(({ outgoing }) => outgoing.toReversed()),
  },
  'a partition begins at its first record when it is assigned': {
    task: 'scorer',
    shownBy: 'kill',
    shows: ['offsets', 'offset moved back'],
    wrap: onConsumer(({ consumer }) => ({
      accept: (positions) => {
        consumer.accept(positions.map((position) => ({ ...position, offset: 0 })))
      },
    })),
  },
}
