import type { Command } from 'commander'
import { clusterId } from '../../platform/topic-admin.ts'
import { openRecordPublisher } from '../../platform/record-publisher.ts'
import { registerProduceCommands } from '../../producers/commands.ts'
import type { JobDeps } from '../../producers/job.ts'
import { SYSTEM_CLOCK } from '../../producers/wall-clock.ts'
import type { CliContext } from '../context.ts'
import { assertBroker } from '../dependencies.ts'
import { INTERRUPTED_EXIT_CODE } from '../failure.ts'
import { ensurePipelineTopics, openPipelineCodec } from '../pipeline.ts'

export function addProduce(program: Command, context: CliContext): void {
  const { stdout, stderr, signal } = context
  registerProduceCommands(program, () => {
    const config = context.config()
    const openPublisher: JobDeps['openPublisher'] = async () => {
      await ensurePipelineTopics(config, signal)
      const { codec } = await openPipelineCodec(config, signal)
      return openRecordPublisher(config, codec, 'shield-produce')
    }
    return {
      openPublisher,
      // not the address: the local stack may stand on another port next time
      target: async () => {
        await assertBroker(config)
        return `${await clusterId(config)}/${config.LINEAGE}`
      },
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
