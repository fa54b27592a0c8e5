import fc from 'fast-check'
import { expect, test } from 'vitest'
import { markup } from '../../../../trainers/evaluation/markup.ts'

test('what is put in is escaped, in text and in attributes', () => {
  const hostile = `<script>"&'</script>`
  const { text } = markup`<p title="${hostile}">${hostile}</p>`
  expect(text).toBe(
    '<p title="&#60;script&#62;&#34;&#38;&#39;&#60;/script&#62;">&#60;script&#62;&#34;&#38;&#39;&#60;/script&#62;</p>',
  )
})

test('markup in markup stays, lists are joined, numbers are written', () => {
  const items = ['a', '<'].map((item) => markup`<li>${item}</li>`)
  expect(markup`<ol>${items}</ol>${0}${''}`.text).toBe('<ol><li>a</li><li>&#60;</li></ol>0')
})

test('no text gets a tag, an entity or the end of an attribute of its own', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (written) => {
      expect(markup`${written}`.text).not.toMatch(/[<>"']|&(?!#\d+;)/)
    }),
    { seed: 5 },
  )
})
