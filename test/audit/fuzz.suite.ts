import t from 'tap';
import { fuzzReaders } from './fuzz.ts';

t.test('whatever stands in a record or a signature, ten thousand times it is read or refused', (t) =>
  fuzzReaders(t, 10_000),
);
