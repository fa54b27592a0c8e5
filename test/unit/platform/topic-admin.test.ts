import { describe, expect, test } from 'vitest'
import { topics } from '../../../schemas/topics.ts'
import { type FoundTopic, topicDifferences, wantedTopics, type WantedTopic } from '../../../platform/topic-admin.ts'

const wanted: WantedTopic = {
  name: 'reviews',
  partitions: 4,
  settings: { 'cleanup.policy': 'delete', 'message.timestamp.type': 'LogAppendTime' },
}
const found = (partitions: number, settings: Record<string, string | null>): FoundTopic => ({
  name: 'reviews',
  id: 'one',
  partitions,
  settings: new Map(Object.entries(settings)),
})

describe('a topic compared with what the broker has', () => {
  test.each([
    { what: 'is the same', topic: found(4, { ...wanted.settings }), differences: [] },
    { what: 'has settings of its own', topic: found(4, { ...wanted.settings, 'segment.ms': '1' }), differences: [] },
    {
      what: 'has another partition count',
      topic: found(6, { ...wanted.settings }),
      differences: ['reviews has 6 partitions, not 4'],
    },
    {
      what: 'has another policy',
      topic: found(4, { ...wanted.settings, 'cleanup.policy': 'compact' }),
      differences: ['reviews has cleanup.policy=compact, not delete'],
    },
    {
      what: 'differs in everything',
      topic: found(1, { 'cleanup.policy': null }),
      differences: [
        'reviews has 1 partitions, not 4',
        'reviews has cleanup.policy=null, not delete',
        'reviews has message.timestamp.type=undefined, not LogAppendTime',
      ],
    },
  ])('one that $what: $differences', ({ topic, differences }) => {
    expect(topicDifferences(wanted, topic)).toEqual(differences)
  })
})

describe('topics as they shall be', () => {
  const all = wantedTopics({ TOPIC_PARTITIONS: 6 }, ['user-history-changelog'])
  const settingsOf = (name: string) => all.find((topic) => topic.name === name)?.settings

  test('every declared topic and every changelog, with as many partitions as its input', () => {
    expect(all.map(({ name }) => name)).toEqual([
      ...Object.values(topics).map(({ name }) => name),
      'user-history-changelog',
    ])
    const single = Object.values(topics).filter(({ partitions }) => partitions === 1)
    expect(all.filter(({ partitions }) => partitions !== 6)).toMatchObject(
      single.map(({ name }) => ({ name, partitions: 1 })),
    )
  })

  test('every record has the time of its append, so that retention counts from then', () => {
    for (const { settings } of all) expect(settings['message.timestamp.type']).toBe('LogAppendTime')
  })

  test('a changelog is compacted and kept without limit', () => {
    expect(settingsOf('user-history-changelog')).toMatchObject({ 'cleanup.policy': 'compact', 'retention.ms': '-1' })
  })

  test('a dead letter has room for the largest record that can be published', () => {
    const room = (name: string): number => Number(settingsOf(name)?.['max.message.bytes'])
    expect(room('dead-letters')).toBeGreaterThan(room('reviews') + 1_000_000)
  })
})
