import type { Publication } from '../audit/publish.ts';

/** What is to be said of records that the audit repository had otherwise than `who`, such as `this host`, has made them: a sentence each. */
export function tellTampering(
  { tampered, squatted }: Extract<Publication, { kind: 'published' }>,
  who: string,
): readonly { readonly text: string; readonly hint: string }[] {
  const hint = 'look at its history: npx zx tasks/validate.ts';
  return [
    ...tampered.map((path) => `the audit repository had lost or changed ${path}, which ${who} had published`),
    ...squatted.map(
      (path) =>
        `the audit repository had another file as ${path} before ${who} published it, which has replaced that file`,
    ),
  ].map((text) => ({ text, hint }));
}
