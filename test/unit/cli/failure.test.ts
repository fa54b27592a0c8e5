import { CommanderError } from 'commander'
import { expect, test } from 'vitest'
import { describeFailure } from '../../../cli/failure.ts'
import { KafkaFault } from '../../../platform/kafka-fault.ts'
import { SpoilerError } from '../../../platform/spoiler-error.ts'
import { ERRORS } from '../../../schemas/errors.ts'

test('an expected error says code, meaning, what was going on, why and the next step, without a stack', () => {
  const cause = new Error('connect ECONNREFUSED')
  const error = new SpoilerError('SPL_REDIS_UNAVAILABLE', 'asking Redis', { onError: 'retry', cause })
  const { exitCode, text } = describeFailure(error)
  expect(exitCode).toBe(1)
  expect(text.split('\n')).toEqual([
    `SPL_REDIS_UNAVAILABLE: ${ERRORS.SPL_REDIS_UNAVAILABLE}`,
    '  while asking Redis',
    '  because: connect ECONNREFUSED',
    expect.stringContaining('REDIS_URL'),
  ])
  expect(text).not.toContain('at ')
})

test('the next step that an error brings along is kept', () => {
  const error = new SpoilerError('SPL_STACK_FAILED', 'starting kafka: port 1 is taken\nFree it.', { onError: 'stop' })
  expect(describeFailure(error).text).toContain('  while starting kafka: port 1 is taken\n  Free it.')
})

test('a wrong command line ends with 2, whoever noticed it', () => {
  expect(describeFailure(new SpoilerError('SPL_USAGE', 'reading', { onError: 'stop' })).exitCode).toBe(2)
  expect(describeFailure(new CommanderError(1, 'commander.unknownOption', 'unknown'))).toEqual({
    exitCode: 2,
    text: '',
  })
  expect(describeFailure(new CommanderError(0, 'commander.helpDisplayed', '(help)')).exitCode).toBe(0)
})

test('a broker that cannot be reached is no bug of ours', () => {
  const { exitCode, text } = describeFailure(new KafkaFault('connecting', { message: 'transport failure', code: -195 }))
  expect(exitCode).toBe(1)
  expect(text).toMatch(/^SPL_BROKER_UNAVAILABLE: /)
})

test('an interruption is told apart from a failure', () => {
  const stop = new AbortController()
  stop.abort()
  expect(describeFailure(stop.signal.reason)).toEqual({ exitCode: 130, text: 'Interrupted.' })
})

test('an error that nobody expected keeps its stack', () => {
  const { exitCode, text } = describeFailure(new TypeError('x is not a function'))
  expect(exitCode).toBe(1)
  expect(text).toMatch(/bug of ours[^]*x is not a function[^]*failure\.test\.ts/)
})
