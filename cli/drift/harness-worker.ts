// Simulates the worlds that it is told, one after the other.
import { parentPort } from 'node:worker_threads'
import { loadModelVersion, PRIOR_FOLDER } from '../../inference/model-version.ts'
import { outcomeOf } from './harness.ts'
import { decide, simulatePartials, type SimulatedWorld } from './simulate-drift.ts'

const model = loadModelVersion(PRIOR_FOLDER)

parentPort?.on('message', (world: SimulatedWorld) => {
  void model
    .then((loaded) => simulatePartials(world, loaded))
    .then((partials) => parentPort?.postMessage(outcomeOf(world, decide(partials).events)))
})
