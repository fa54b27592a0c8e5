import type { Command } from 'commander'
import { clusterId, ensureTopics } from '../../platform/topic-admin.ts'
import { openRecordPublisher } from '../../platform/record-publisher.ts'
import { registerProduceCommands } from '../../producers/commands.ts'
import type { JobDeps } from '../../producers/job.ts'
import { SYSTEM_CLOCK } from '../../producers/wall-clock.ts'
import type { CliContext } from '../context.ts'
import { openPipelineCodec, pipelineTopics } from '../pipeline.ts'

/** As a shell reports a program that Ctrl-C ended. */
const INTERRUPTED_EXIT_CODE = 130

export function addProduce(program: Command, context: CliContext): void {
  const { stdout, stderr, signal } = context
  registerProduceCommands(program, async () => {
    const config = context.config()
    const openPublisher: JobDeps['openPublisher'] = async () => {
      await ensureTopics(config, pipelineTopics(config))
      const opened = await openPipelineCodec(config, signal)
      if (opened === undefined) throw new Error('interrupted while waiting for the schema registry')
      return openRecordPublisher(config, opened.codec, 'shield-produce')
    }
    return {
      openPublisher,
      // not the address: the local stack may stand on another port next time
      target: `${await clusterId(config)}/${config.LINEAGE}`,
      stateDir: config.STATE_DIR,
      clock: SYSTEM_CLOCK,
      signal,
      stdout,
      stderr,
      onOutcome: (outcome) => {
        if (outcome === 'interrupted') context.exitWith(INTERRUPTED_EXIT_CODE)
      },
    }
  })
}
