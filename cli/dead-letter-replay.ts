import { openTransactionalProducer } from '../platform/kafka-producer.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import { type Mended, mendLetter, type Mending } from '../replay/dead-letters/mend-letter.ts'
import { type Decision, resolveLetters } from '../replay/dead-letters/resolve-letters.ts'
import type { DeadLetter, DeadLetterResolution } from '../schemas/generated.ts'
import type { CliContext } from './context.ts'
import { findLetters, type WantedLetters } from './dead-letters.ts'
import { letterId } from '../schemas/topics.ts'
import { ensurePipelineTopics, openPipelineCodec } from './pipeline.ts'

/** Two runs at once would not see each other's decisions: the later one fences the earlier one. */
const TRANSACTIONAL_ID = 'shield-dlq'

export interface Resolving {
  readonly action: 'replayed' | 'dropped'
  readonly mending: Mending
  readonly reason: string
  readonly decidedBy: string
}

export interface Resolved {
  readonly id: string
  readonly outcome: 'replayed' | 'dropped' | 'refused' | 'interrupted'
  /** Why it was refused. */
  readonly problem: string | null
}

/** Decides about letters that are open: appends their records again, or writes down that nothing is to be done. */
export async function resolveOpenLetters(
  context: CliContext,
  wanted: WantedLetters,
  resolving: Resolving,
): Promise<Resolved[]> {
  const config = context.config()
  await ensurePipelineTopics(config, context.signal)
  const { codec } = await openPipelineCodec(config, context.signal)
  // the producer first: what an earlier run had under way is decided before the decisions are read
  await using producer = await openTransactionalProducer(config, TRANSACTIONAL_ID)
  const { newest } = await findLetters(context, wanted)
  const prepared = await Promise.all(newest.map(({ letter }) => prepare(letter, resolving, codec)))
  const decisions = prepared.flatMap(({ decision }) => (decision === undefined ? [] : [decision]))
  const done = await resolveLetters(decisions, {
    producer,
    codec,
    stepDeadlineMs: config.STEP_DEADLINE_MS,
    signal: context.signal,
    onProgress: (count) => context.stderr.write(`${count} of ${decisions.length}\n`),
  })
  const visible = new Set(decisions.slice(0, done))
  return prepared.map(({ id, problem, decision }) => {
    if (decision === undefined) return { id, outcome: 'refused', problem }
    return { id, outcome: visible.has(decision) ? resolving.action : 'interrupted', problem: null }
  })
}

interface Prepared {
  readonly id: string
  readonly problem: string | null
  readonly decision: Decision | undefined
}

async function prepare(letter: DeadLetter, resolving: Resolving, codec: RecordCodec): Promise<Prepared> {
  const id = letterId(letter)
  const mended: Mended | { problem: string } | undefined =
    resolving.action === 'dropped' ? undefined : await mendLetter(letter, resolving.mending, codec)
  if (mended !== undefined && 'problem' in mended) return { id, problem: mended.problem, decision: undefined }
  const { component, source, code } = letter
  const resolution: DeadLetterResolution = {
    component,
    source,
    code,
    action: resolving.action,
    edits: mended?.edits ?? [],
    decidedBy: resolving.decidedBy,
    reason: resolving.reason,
    decidedAtMs: Date.now(),
  }
  return { id, problem: null, decision: { resolution, record: mended?.record ?? null } }
}
