import t from 'tap';
import { fuzzReaders } from './fuzz.ts';

t.test('whatever stands in a record or a signature, it is read or refused', (t) => fuzzReaders(t, 1000));
