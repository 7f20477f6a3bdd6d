import { CoffreError } from '../model/error.ts';
import { CheckOrder } from '../model/host-check.ts';

/** An order of control as it stands on standard input. Throws `usage` for one that is none. */
export function readCheckOrder(text: string): CheckOrder {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const { data } = CheckOrder.safeParse(value);
  if (data) return data;
  throw new CoffreError('usage', 'cannot read the order on standard input', { hint: 'leave out --attended' });
}
