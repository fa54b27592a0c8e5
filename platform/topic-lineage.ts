import type { ErrorCode } from '../schemas/errors.ts'
import type { TopicLineage } from '../schemas/generated.ts'
import { type Topic, topics } from '../schemas/topics.ts'
import type { TopicPartition } from './kafka-consumer.ts'
import { SpoilerError } from './spoiler-error.ts'
import type { FoundTopic } from './topic-admin.ts'

/** Which topic of the broker stands behind a name. */
export type TopicIdentity = Pick<FoundTopic, 'id' | 'partitions'>
export type Identities = ReadonlyMap<string, TopicIdentity>

/** A changelog, and the topic that its state is folded from. */
export interface FoldTopics {
  readonly changelog: string
  readonly input: string
}

export interface LineageFacts {
  readonly lineage: number
  readonly found: Identities
  /** Newest record of `topic-lineages` for each topic that the component knows. */
  readonly recorded: ReadonlyMap<string, TopicLineage>
  readonly folds: readonly FoldTopics[]
}

interface Change {
  readonly code: ErrorCode
  readonly line: string
}

/** Of the topics known, those that are gone, are others now, or have another partition count. */
function changesSince(known: Identities, found: Identities): Change[] {
  return [...known].flatMap(([name, before]): Change[] => {
    const now = found.get(name)
    if (now === undefined) return [{ code: 'SPL_TOPIC_MISSING', line: `${name} was deleted` }]
    if (now.id !== before.id) return [{ code: 'SPL_TOPIC_RECREATED', line: `${name} was deleted and made anew` }]
    return now.partitions === before.partitions ? [] : [repartitioned(name, before, now)]
  })
}

/**
 * Whether a running component may go on.
 *
 * @returns undefined, or SPL_TOPIC_MISSING, SPL_TOPIC_RECREATED, SPL_TOPIC_REPARTITIONED: the process exits, and its next
 * start stops for a person.
 */
export function topicsChanged(known: Identities, found: Identities, lineage: number): SpoilerError | undefined {
  const changes = changesSince(known, found)
  return changes.length === 0 ? undefined : changed('running: topics have changed under it', changes, lineage, 'exit')
}

/**
 * Whether a component may start on these topics. Under the LINEAGE that was recorded they are the ones that were
 * recorded; under a higher one they may be others, but none that holds keys was given more partitions in place, and no
 * state was folded from a topic that is gone.
 *
 * @throws SpoilerError SPL_TOPIC_MISSING, SPL_TOPIC_RECREATED, SPL_TOPIC_REPARTITIONED, SPL_CONFIG_INVALID.
 */
export function assertLineage({ lineage, found, recorded, folds }: LineageFacts): void {
  const highest = Math.max(lineage, ...[...recorded.values()].map((record) => record.lineage))
  if (highest > lineage) {
    const doing = `starting with LINEAGE=${lineage}: these topics are used under LINEAGE=${highest}. Set that.`
    throw new SpoilerError('SPL_CONFIG_INVALID', doing, { onError: 'stop' })
  }
  const same = new Map([...recorded].filter(([, before]) => before.lineage === lineage).map(identityOf))
  const changes = [
    ...changesSince(same, found),
    ...grownInPlace(recorded, found, lineage),
    ...folds.flatMap((fold) => staleState(fold, recorded, found)),
  ]
  if (changes.length > 0) throw changed('comparing the topics with those that were used before', changes, lineage)
}

/** What `topic-lineages` does not say yet. */
export function unrecorded({ lineage, found, recorded, folds }: LineageFacts): TopicLineage[] {
  return [...found].flatMap(([topic, { id: topicId, partitions }]) => {
    const before = recorded.get(topic)
    const input = folds.find(({ changelog }) => changelog === topic)?.input
    const foldedFrom = input === undefined ? null : (found.get(input)?.id ?? null)
    return before?.lineage === lineage ? [] : [{ topic, topicId, partitions, lineage, foldedFrom }]
  })
}

function identityOf([name, { topicId, partitions }]: readonly [string, TopicLineage]): [string, TopicIdentity] {
  return [name, { id: topicId, partitions }]
}

const PUBLIC_INPUTS = new Set(
  Object.values(topics as Record<string, Topic<never>>).flatMap(({ publicInput, name }) => (publicInput ? [name] : [])),
)

/** A higher LINEAGE brings no key back to its state. Public inputs are keyed anew by intake: they may grow. */
function grownInPlace(recorded: LineageFacts['recorded'], found: Identities, lineage: number): Change[] {
  return [...recorded].flatMap(([name, before]) => {
    const now = found.get(name)
    if (before.lineage === lineage || now?.id !== before.topicId || PUBLIC_INPUTS.has(name)) return []
    return now.partitions === before.partitions ? [] : [repartitioned(name, before, now)]
  })
}

function staleState({ changelog, input }: FoldTopics, recorded: LineageFacts['recorded'], found: Identities): Change[] {
  const before = recorded.get(changelog)
  const foldedFrom = before?.foldedFrom ?? null
  if (foldedFrom === null || found.get(changelog)?.id !== before?.topicId) return []
  if (found.get(input)?.id === foldedFrom) return []
  return [
    { code: 'SPL_TOPIC_RECREATED', line: `${changelog} holds state that was folded from the ${input} that is gone` },
  ]
}

/** A partition that the configuration does not know: somebody has just added it. */
export function partitionAdded(
  { topic, partition }: TopicPartition,
  partitions: number,
  lineage: number,
): SpoilerError {
  const line = `${topic} has a partition ${partition} now, it had ${partitions} in all: ${KEYS_MOVED}`
  return changed(`starting on ${topic}/${partition}`, [{ code: 'SPL_TOPIC_REPARTITIONED', line }], lineage)
}

const KEYS_MOVED = 'keys are in other partitions than their state'

function repartitioned(name: string, before: Pick<TopicIdentity, 'partitions'>, now: TopicIdentity): Change {
  const line = `${name} has ${now.partitions} partitions now, it had ${before.partitions}: ${KEYS_MOVED}`
  return { code: 'SPL_TOPIC_REPARTITIONED', line }
}

function changed(
  doing: string,
  changes: readonly Change[],
  lineage: number,
  onError: 'exit' | 'stop' = 'stop',
): SpoilerError {
  const [first] = changes as [Change]
  const lines = [
    `${doing}:`,
    ...changes.map(({ line }) => `  - ${line}`),
    'To mend it: stop all components; delete the topics that follow from these, and the groups that read what is left',
    '(docs/TOPICS.md, "When a topic was deleted or repartitioned" lists them); run `shield topics --create`;',
    `start with LINEAGE=${lineage + 1}.`,
  ]
  return new SpoilerError(first.code, lines.join('\n'), { onError, context: { changes } })
}
