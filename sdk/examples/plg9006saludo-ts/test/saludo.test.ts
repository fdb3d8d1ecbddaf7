import assert from 'node:assert/strict';
import { test } from 'node:test';

import { judge } from '../src/saludo';

test('braces that mean nothing are refused, in the language of who typed them', () => {
  assert.deepEqual(judge({ language: 'es' }, '¡Hola, {nombre}! Van {compras}.'), []);
  const [found, ...more] = judge({ language: 'en' }, 'Hello, {name}');
  assert.equal(found.code, 'unknown_word');
  assert.match(found.summary ?? '', /name/);
  assert.deepEqual(more, []);
});
