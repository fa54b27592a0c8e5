import type { Logger } from 'pino'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { SpoilerError } from '../platform/spoiler-error.ts'
import type { Deployed } from '../inference/deployment-log.ts'
import type { Serving } from '../inference/score-row.ts'
import type { Trial } from './trial.ts'

/** One function per event: its log line and its metrics can never drift apart. */
export interface DeploymentTelemetry {
  readonly serving: (servings: readonly Serving[]) => void
  /** What scores beside the champion, or that nobody does. */
  readonly trial: (trial: Trial) => void
  /** A dependency is down: it is tried again. */
  readonly waiting: (deployment: Deployed, error: SpoilerError) => void
  /** It cannot serve, and is not tried again by this process. */
  readonly refused: (deployment: Deployed, error: SpoilerError) => void
}

const component = 'scorer'

export function deploymentTelemetry(registry: Registry, log: Logger): DeploymentTelemetry {
  const { served, tried, refusedEpoch, refusals } = metricsOf(registry)
  let last: Deployed | undefined
  return {
    serving: (servings) => {
      served.reset()
      for (const { model, deploymentEpoch } of servings) {
        const { name, version, tier, featureService, runtimeFingerprint } = model
        served.set({ component, model: name, version, feature_service: featureService }, deploymentEpoch)
        log.info({ model: name, version, tier, featureService, deploymentEpoch, runtimeFingerprint }, 'model serves')
      }
    },
    trial: (trial) => {
      tried.reset()
      const { mode, deploymentEpoch } = trial
      const version = mode === 'off' ? undefined : trial.model.version
      if (mode !== 'off')
        tried.set({ component, model: trial.model.name, version: trial.model.version, mode }, deploymentEpoch)
      log.info({ mode, deploymentEpoch, version }, 'challenger')
    },
    waiting: (deployment, error) => {
      if (last !== deployment) log.warn({ deployment, err: error }, 'a deployment waits for a dependency')
      last = deployment
    },
    refused: (deployment, error) => {
      refusedEpoch.reset()
      refusedEpoch.set({ component, code: error.code }, deployment.deploymentEpoch)
      refusals.inc({ component, code: error.code })
      log.error({ deployment, err: error }, 'a deployment cannot serve; what serves goes on')
    },
  }
}

function metricsOf(registry: Registry) {
  const served = new Gauge({
    name: 'spoiler_deployment_epoch',
    help: 'Deployment epochs that serve, by model and the feature service that it reads',
    labelNames: ['component', 'model', 'version', 'feature_service'],
    registers: [registry],
  })
  const refusedEpoch = new Gauge({
    name: 'spoiler_deployment_refused_epoch',
    help: 'Deployment epoch that was refused last',
    labelNames: ['component', 'code'],
    registers: [registry],
  })
  const refusals = new Counter({
    name: 'spoiler_deployments_refused_total',
    help: 'Deployments that could not serve',
    labelNames: ['component', 'code'],
    registers: [registry],
  })
  const tried = new Gauge({
    name: 'spoiler_challenger_epoch',
    help: 'Deployment epoch that scores beside the champion, by model and mode',
    labelNames: ['component', 'model', 'version', 'mode'],
    registers: [registry],
  })
  return { served, tried, refusedEpoch, refusals }
}
