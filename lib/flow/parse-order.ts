import { ConvergeOrder } from '../model/converge-order.ts';
import { DrillerOrder } from '../model/driller-order.ts';
import { CoffreError } from '../model/error.ts';

/** An order as it comes from control. Throws `usage`: control and agent are of one release, so that no person can see this. */
export function parseOrder(text: string): ConvergeOrder | DrillerOrder {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const isDriller = typeof value === 'object' && value !== null && 'drilling' in value;
  const parsed = (isDriller ? DrillerOrder : ConvergeOrder).safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CoffreError('usage', `cannot read the order: ${issue?.path.join('.') || 'all of it'}: ${issue?.message}`, {
    hint: 'this verb is for control; use: npx zx tasks/provision.ts <host>',
  });
}
