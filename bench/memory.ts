import { COMPONENTS, startPipeline } from '../test/support/pipeline.ts'
import { rssMb } from './process-usage.ts'
import { pids, publishAll, untilRead, worldEvents } from './running-pipeline.ts'

export interface Memory {
  readonly reviews: number
  /** Resident memory by process, MB, at each tenth of the run. */
  readonly rssMb: Readonly<Record<string, readonly number[]>>
}

/** Resident memory of every component while a long run is worked off. */
export async function memory(reviews: number): Promise<Memory> {
  await using pipeline = await startPipeline()
  await publishAll(pipeline, worldEvents(reviews, true))
  const supervisor = pipeline.supervise(COMPONENTS)
  const series: Record<string, number[]> = {}
  for (let tenth = 1; tenth <= 10; tenth++) {
    await untilRead(supervisor, { process: 'scorer', task: 'scorer', records: Math.floor((reviews * tenth) / 10) })
    const running = pids(
      pipeline,
      supervisor,
      COMPONENTS.map(({ name }) => name),
    )
    for (const [name, pid] of Object.entries(running)) (series[name] ??= []).push(Math.round(rssMb(pid)))
  }
  return { reviews, rssMb: series }
}
