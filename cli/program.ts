import { Command } from 'commander'
import { addConfig } from './commands/config.ts'
import { addDataset } from './commands/dataset.ts'
import { addDlq } from './commands/dlq.ts'
import { addDrift } from './commands/drift.ts'
import { addJobs } from './commands/jobs.ts'
import { addLabel } from './commands/label.ts'
import { addModels } from './commands/models.ts'
import { addOffline } from './commands/offline.ts'
import { addProduce } from './commands/produce.ts'
import { addQuality } from './commands/quality.ts'
import { addRedis } from './commands/redis.ts'
import { addReplay } from './commands/replay.ts'
import { addScore } from './commands/score.ts'
import { addSnapshots } from './commands/snapshots.ts'
import { addStack } from './commands/stack.ts'
import { addStart } from './commands/start.ts'
import { addStatus } from './commands/status.ts'
import { addTail } from './commands/tail.ts'
import { addTopics } from './commands/topics.ts'
import { addTrain } from './commands/train.ts'
import type { CliContext } from './context.ts'

const COMMANDS = [
  addStart,
  addStack,
  addStatus,
  addTopics,
  addTail,
  addDlq,
  addProduce,
  addScore,
  addModels,
  addQuality,
  addLabel,
  addDrift,
  addJobs,
  addRedis,
  addOffline,
  addDataset,
  addTrain,
  addReplay,
  addSnapshots,
  addConfig,
] as const

/** The command `shield`. */
export function shieldProgram(context: CliContext): Command {
  const program = new Command('shield')
    .description('Spoiler Shield finds spoilers in movie reviews as they stream through Apache Kafka')
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      outputError: (text, write) => {
        write(`SPL_USAGE: ${text.replace(/^error: /, '')}`)
      },
    })
    .exitOverride()
    .showHelpAfterError('See --help for what there is.')
    .helpCommand('help [command]', 'Show the help of a command')
  for (const add of COMMANDS) add(program, context)
  return program
}
