import { CHALLENGER } from '../schemas/deployment-slots.ts'
import type { ChallengerSlot } from './challenger.ts'
import { bringModel, type Follower, type ReadDeployment } from './deployments.ts'
import { noTrial } from './trial.ts'

/**
 * Brings every deployment of the challenger's slot that is newer than what is there, one after the other, as that of the
 * champions; `off` empties it. A record that nobody can read is refused by the champions' follower.
 */
export async function followChallengers(
  deployments: AsyncIterable<ReadDeployment>,
  challenger: ChallengerSlot,
  follower: Follower,
): Promise<void> {
  let wanted = challenger.newestEpoch
  let overtaken = new AbortController()
  let bringing: Promise<void> = Promise.resolve()
  for await (const { record, decoded } of deployments) {
    if ('poison' in decoded || decoded.value.slot !== CHALLENGER) continue
    const deployment = decoded.value
    const { deploymentEpoch, mode, share } = deployment
    if (deploymentEpoch <= wanted) continue
    wanted = deploymentEpoch
    overtaken.abort()
    overtaken = new AbortController()
    const signal = AbortSignal.any([follower.signal, overtaken.signal])
    bringing = bringing.then(async () => {
      if (mode === 'off') challenger.replace(noTrial(deploymentEpoch))
      else
        await bringModel({ record, deployment }, { ...follower, signal }, (model) => {
          const what = { model, deploymentEpoch, slot: CHALLENGER, share, record }
          challenger.replace({ ...what, mode: mode === 'canary' ? 'canary' : 'shadow' })
        })
    })
  }
  await bringing
}
