import { keyEndRemark } from '../model/key-end.ts';
import type { Expectation } from './expectation.ts';
import type { AuditFinding } from './finding.ts';
import type { AuditRepository } from './read-repository.ts';

/** A recipient's certificate that ends before long, or has ended: a warning, because what is sealed for it opens as before. */
export function keyEndRule(
  _repository: AuditRepository,
  { certificates = new Map(), now }: Expectation,
): AuditFinding[] {
  return [...certificates].flatMap(([name, pem]): AuditFinding[] => {
    const remark = keyEndRemark(name, pem, now);
    if (!remark) return [];
    return [{ rule: 'key-end', severity: 'warning', host: null, path: null, message: remark.text, hint: remark.hint }];
  });
}
