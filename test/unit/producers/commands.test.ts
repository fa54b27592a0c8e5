import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { registerProduceCommands, type ProduceDeps } from '../../../producers/commands.ts'
import type { JobSummary } from '../../../producers/job.ts'
import type { Review } from '../../../schemas/generated.ts'
import { manualClock, recordedPublisher, type RecordedPublisher } from './recorded-publisher.ts'

const NOW_MS = Date.UTC(2026, 5, 1)
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'produce-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

interface Ran {
  readonly publisher: RecordedPublisher
  readonly stdout: string
  readonly stderr: string
  readonly outcomes: string[]
}

async function shield(
  line: readonly string[],
  deps: Partial<ProduceDeps> & { publisher?: RecordedPublisher } = {},
): Promise<Ran> {
  const publisher = deps.publisher ?? recordedPublisher()
  const written = { stdout: '', stderr: '' }
  const outcomes: string[] = []
  const sink = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[name] += text
    },
  })
  const program = new Command()
    .exitOverride()
    .configureOutput({ writeOut: sink('stdout').write, writeErr: sink('stderr').write })
  registerProduceCommands(program, () => ({
    openPublisher: () => Promise.resolve(publisher),
    target: () => 'cluster-a/1',
    stateDir: folder,
    clock: manualClock(NOW_MS),
    signal: new AbortController().signal,
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    onOutcome: (outcome) => outcomes.push(outcome),
    ...deps,
  }))
  await program.parseAsync(['produce', ...line], { from: 'user' })
  return { publisher, ...written, outcomes }
}

function summaryOf({ stdout }: Ran): JobSummary {
  return JSON.parse(stdout) as JobSummary
}

/** A publisher in whose middle Ctrl-C is pressed. */
function interruptedAfter(records: number): { publisher: RecordedPublisher; signal: AbortSignal } {
  const stop = new AbortController()
  const onPublish = (ordinal: number) => {
    if (ordinal + 1 === records) stop.abort()
  }
  return { publisher: recordedPublisher({ onPublish }), signal: stop.signal }
}

function imdbFiles(): string[] {
  const row = { movie_id: 'tt1', user_id: 'u', is_spoiler: true, rating: '5', review_summary: 's' }
  const reviews = Array.from({ length: 30 }, (_, i) => ({
    ...row,
    review_date: `${1 + (i % 28)} May 2010`,
    review_text: `text ${i}`,
  }))
  const lines = [...reviews.map((review) => JSON.stringify(review)), 'broken'].join('\n')
  writeFileSync(join(folder, 'reviews.json'), lines)
  writeFileSync(join(folder, 'movies.json'), JSON.stringify({ movie_id: 'tt1', plot_summary: 'p', plot_synopsis: '' }))
  return ['--reviews', join(folder, 'reviews.json'), '--movies', join(folder, 'movies.json')]
}

const WORLD = ['world', '--seed', '7', '--for', '1s', '--fast', '--json']

test('imdb publishes movies, reviews and labels, and names the refused row', async () => {
  const ran = await shield(['imdb', ...imdbFiles(), '--speed', '100000x'])
  expect(ran.publisher.records.map(({ topic }) => topic).slice(0, 2)).toEqual(['movies', 'reviews'])
  expect(ran.publisher.records).toHaveLength(61)
  expect(ran.publisher.isClosed()).toBe(true)
  expect(ran.stdout).toMatch(/^Published 1 movie, 30 reviews, 30 labels in .*; all acknowledged\.\n/)
  const rejects = /named in (.*):\n {2}1 × not JSON/.exec(ran.stdout)?.[1] as string
  expect(readFileSync(rejects, 'utf8')).toContain('"line":31')
  expect(ran.stderr).not.toContain('\r')
  expect(ran.stderr).toMatch(/^1 movie, \d+ reviews?, \d+ labels? · .* records\/s/m)
  expect(ran.outcomes).toEqual(['finished'])
})

test('a finished job publishes nothing more, unless it is told to, or the target or the file is another', async () => {
  const line = ['imdb', ...imdbFiles()]
  const first = await shield(line)
  const second = await shield(line)
  expect(second.publisher.records).toEqual([])
  expect(second.stdout).toMatch(/^Already finished: 1 movie, 30 reviews, 30 labels\. Nothing was published\./)
  expect(second.outcomes).toEqual(['already-finished'])
  expect((await shield([...line, '--again'])).publisher.records).toEqual(first.publisher.records)
  expect((await shield(line, { target: () => 'cluster-b/1' })).publisher.records).toHaveLength(61)
  writeFileSync(join(folder, 'movies.json'), JSON.stringify({ movie_id: 'tt1', plot_summary: 'q' }))
  expect((await shield(line)).publisher.records).toHaveLength(61)
})

test('interrupted and started again, with another pace too, it goes on where it stopped', async () => {
  const line = ['imdb', ...imdbFiles(), '--json']
  const first = await shield(line, interruptedAfter(20))
  expect(summaryOf(first)).toMatchObject({ outcome: 'interrupted', published: { movies: 1 } })
  const second = await shield([...line, '--rate', '1000'])
  expect(summaryOf(second)).toMatchObject({
    outcome: 'finished',
    acknowledged: { movies: 1, reviews: 30, reviewLabels: 30 },
    rejected: { 'not JSON': 1 },
  })
  rmSync(join(folder, 'produce'), { recursive: true })
  const whole = await shield(line)
  expect([...first.publisher.records, ...second.publisher.records]).toEqual(whole.publisher.records)
})

test('an interrupt before anything is read leaves the job at its beginning', async () => {
  const rows = Array.from({ length: 1000 }, (_, i) => ({
    review_date: '1 May 2010',
    movie_id: 'm',
    user_id: 'u',
    is_spoiler: true,
    review_text: `t${i}`,
  }))
  const line = ['imdb', ...imdbFiles(), '--json']
  writeFileSync(join(folder, 'reviews.json'), rows.map((row) => JSON.stringify(row)).join('\n'))
  const stopped = await shield(line, { signal: AbortSignal.abort() })
  expect(summaryOf(stopped)).toMatchObject({ outcome: 'interrupted', acknowledged: { reviews: 0 } })
  expect(summaryOf(await shield(line))).toMatchObject({ outcome: 'finished', acknowledged: { reviews: 1000 } })
})

test('a world goes on with the clock of its first start, whenever it is started again', async () => {
  const first = await shield(WORLD, interruptedAfter(100))
  const second = await shield(WORLD, { clock: manualClock(NOW_MS + 86_400_000) })
  const values = [...first.publisher.records, ...second.publisher.records]
  expect(summaryOf(second).acknowledged.reviews).toBeGreaterThan(150)
  const whole = await shield([...WORLD, '--start', new Date(NOW_MS).toISOString()])
  expect(values).toEqual(whole.publisher.records)
})

test('a paced world takes the time it is told, and no wall time changes its records', async () => {
  const clock = manualClock(NOW_MS)
  const paced = await shield(['world', '--for', '3s', '--json'], { clock })
  expect(summaryOf(paced).elapsedMs).toBeGreaterThan(2900)
  expect(summaryOf(paced).elapsedMs).toBeLessThanOrEqual(3000)
  const fast = await shield(['world', '--for', '3s', '--fast', '--again', '--json'])
  expect(fast.publisher.records).toEqual(paced.publisher.records)
})

test('a world with a limit ends with the labels of its last review', async () => {
  const { acknowledged } = summaryOf(await shield(['world', '--limit', '500', '--fast', '--json']))
  expect(acknowledged.reviews).toBe(500)
  expect(acknowledged.reviewLabels).toBeGreaterThan(450)
})

test('jsonl publishes a file through its mapping', async () => {
  const file = join(folder, 'rows.jsonl')
  writeFileSync(file, '{"id":"a","film":"m","body":"t"}\n{"id":"b","film":"m","body":"t"}')
  const { publisher } = await shield([
    'jsonl',
    '--file',
    file,
    '--map',
    'reviewId=id,movieId=film,text=body',
    '--rate',
    '10',
  ])
  expect(publisher.records.map(({ value }) => (value as { reviewId: string }).reviewId)).toEqual(['a', 'b'])
})

test('world-report prints the figures of a world and needs no broker', async () => {
  const openPublisher = () => Promise.reject(new Error('no broker'))
  const { stdout } = await shield(['world-report', '--reviews', '2000'], { openPublisher })
  expect(stdout).toMatch(/best possible AUC +0\.[89]/)
  const json = await shield(['world-report', '--reviews', '2000', '--json'], { openPublisher })
  expect(JSON.parse(json.stdout)).toMatchObject({ seed: 7, reviews: 2000 })
})

test('a terminal sees progress in place', async () => {
  let text = ''
  const stderr = { isTTY: true, write: (piece: string) => void (text += piece) }
  await shield(['world', '--for', '3s'], { stderr })
  expect(text.match(/\r\u001b\[K/g)?.length).toBeGreaterThan(8)
  expect(text.match(/\n/g)).toHaveLength(1)
  expect(text).toMatch(/event time 20\d\d-\d\d-\d\d \d\d:\d\d · .* left/)
})

test.each([
  ['two paces', () => ['imdb', ...imdbFiles(), '--speed', '2x', '--rate', '5'], 'SPL_USAGE', /exclude each other/],
  ['a speed of words', () => ['world', '--speed', 'fast'], 'SPL_USAGE', /"fast" is no speed/],
  ['a world longer than its clock', () => ['world', '--for', '2h'], 'SPL_USAGE', /1800 days of event time.*has 730;/],
  ['a start in the future', () => ['world', '--start', '2027-01-01'], 'SPL_USAGE', /future/],
  [
    'a label delay that no label can have',
    () => ['imdb', ...imdbFiles(), '--labels-after', '1d±2d'],
    'SPL_USAGE',
    /before/,
  ],
  [
    'a missing file',
    () => ['imdb', '--reviews', '/nowhere', '--movies', '/nowhere'],
    'SPL_INPUT_FILE_INVALID',
    /\/nowhere/,
  ],
  ['a mapping without text', () => ['jsonl', '--file', 'x', '--map', 'movieId=m'], 'SPL_USAGE', /needs text=FIELD/],
])('%s is refused before anything is published', async (_name, line, code, message) => {
  const publisher = recordedPublisher()
  await expect(shield(line(), { publisher })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message) as string,
  })
  expect(publisher.records).toEqual([])
})

test('a damaged checkpoint is named, not overwritten', async () => {
  await shield(WORLD)
  const file = readdirSync(join(folder, 'produce')).find((name) => name.endsWith('.json')) as string
  const path = join(folder, 'produce', file)
  writeFileSync(path, '{"acknowledged":')
  await expect(shield(WORLD)).rejects.toMatchObject({
    code: 'SPL_INPUT_FILE_INVALID',
    message: expect.stringContaining(path) as string,
  })
  expect(existsSync(path)).toBe(true)
})

test('every command has help with an example', async () => {
  for (const name of ['imdb', 'jsonl', 'world', 'world-report']) {
    let help = ''
    const program = new Command().exitOverride().configureOutput({ writeOut: (text) => void (help += text) })
    registerProduceCommands(program, () => Promise.reject(new Error('not needed')))
    await expect(program.parseAsync(['produce', name, '--help'], { from: 'user' })).rejects.toMatchObject({
      exitCode: 0,
    })
    expect(help).toContain(`Example:\n  shield produce ${name}`)
  }
})

test('a world with a scenario is another job, and other records from its window on', async () => {
  const line = ['world', '--seed', '3', '--limit', '300', '--start', '2026-01-05', '--fast', '--json']
  const usual = await shield(line)
  const spoiled = await shield([...line, '--scenario', 'null-fields@0d..900d', '--scenario', 'spam-wave@1d'])
  expect(summaryOf(spoiled).outcome).toBe('finished')
  const bare = ({ publisher }: Ran): number => {
    const reviews = publisher.records.filter(({ topic }) => topic === 'reviews')
    return reviews.filter(({ value }) => (value as Review).rating === null).length
  }
  expect(bare(spoiled)).toBeGreaterThan(bare(usual) + 50)
  await expect(shield([...line, '--scenario', 'rain'])).rejects.toThrow(/no scenario; there are spam-wave/)
})
