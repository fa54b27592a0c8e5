import { z } from 'zod'
import { EXACT_IMAGE } from './image-findings.ts'

const Service = z.object({
  image: z.string(),
  build: z.object({ context: z.string(), target: z.string() }).optional(),
  command: z.array(z.string()).optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  environment: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
  healthcheck: z.object({ disable: z.boolean().default(false) }).optional(),
  ports: z.array(z.string()).default([]),
  profiles: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  read_only: z.boolean().default(false),
})
const Compose = z.object({
  services: z.record(z.string(), Service),
  volumes: z.record(z.string(), z.unknown()).default({}),
})
/** What an overlay may say of a service that the main file has. */
const Overlay = z.object({ services: z.record(z.string(), z.unknown()) })
export type ComposeService = Readonly<z.infer<typeof Service>>
export type Compose = Readonly<z.infer<typeof Compose>>

/** A Compose file in the long forms that ours uses. @throws ZodError naming what it uses besides. */
export function readCompose(parsed: unknown): Compose {
  return Compose.parse(parsed)
}

/** `${NAME:-default}` as an engine sees it that is given nothing. */
export function withDefaults(value: string | number): string {
  return String(value).replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')
}

/** Services of an overlay that the file below it lacks. */
export function overlayFindings(overlay: unknown, { services }: Compose): string[] {
  const names = Object.keys(Overlay.parse(overlay).services)
  return names.filter((name) => !(name in services)).map((name) => `${name}: no such service below`)
}

/** What the schema of Compose does not see. */
export function composeFindings({ services, volumes }: Compose): string[] {
  return Object.entries(services).flatMap(([name, service]) =>
    [
      ...serviceFindings(service),
      ...dependencyFindings(services, service),
      ...service.volumes
        .map((volume) => volume.split(':')[0] ?? '')
        .filter((volume) => !(volume in volumes))
        .map((volume) => `the volume ${volume} is not declared`),
    ].map((finding) => `${name}: ${finding}`),
  )
}

function serviceFindings({ image, build, read_only: isReadOnly, ports }: ComposeService): string[] {
  const isOurs = build !== undefined
  return [
    ...(isOurs || EXACT_IMAGE.test(image) ? [] : [`the image ${image} has no exact version`]),
    ...(isOurs && !isReadOnly ? ['its root file system can be written to'] : []),
    ...ports.filter((port) => !port.startsWith('127.0.0.1:')).map((port) => `port ${port} is not on loopback`),
  ]
}

/** An image of ours has a health check of its own, unless it is disabled. */
function hasHealthCheck({ build, healthcheck }: ComposeService): boolean {
  return healthcheck === undefined ? build !== undefined : !healthcheck.disable
}

function dependencyFindings(services: Compose['services'], { depends_on: needs, profiles }: ComposeService): string[] {
  return Object.entries(needs).flatMap(([name, { condition }]) => {
    const needed = services[name]
    if (needed === undefined) return [`needs ${name}, which does not exist`]
    const isOff = needed.profiles.length > 0 && !profiles.some((profile) => needed.profiles.includes(profile))
    return [
      ...(isOff ? [`needs ${name}, which its profile does not start`] : []),
      ...(condition === 'service_healthy' ? [] : [`does not wait until ${name} is healthy`]),
      ...(hasHealthCheck(needed) ? [] : [`waits for ${name}, which has no health check`]),
    ]
  })
}
