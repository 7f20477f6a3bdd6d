import * as z from 'zod';
import { CoffreError, ERRORS, type ErrorCode } from './error.ts';

/** A CoffreError as one side tells it to the other. */
export const ToldFailure = z.object({
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
  hint: z.string().nullable(),
  findings: z.array(z.string()),
});
export type ToldFailure = z.infer<typeof ToldFailure>;

export function tellFailure({ code, message, hint, findings }: CoffreError): ToldFailure {
  return { code, message, hint: hint ?? null, findings: [...findings] };
}

export function failureToldBy({ code, message, hint, findings }: ToldFailure): CoffreError {
  return new CoffreError(code, message, { ...(hint === null ? {} : { hint }), findings });
}
