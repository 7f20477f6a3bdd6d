import * as z from 'zod';
import { Address, Path, Port, SecretName } from './config-parts.ts';

/** What can be told of a task: that it began, and what became of it. */
export const TOLD = ['start', 'success', 'owed', 'failure'] as const;
export type ToldEvent = (typeof TOLD)[number];

const on = (usual: readonly ToldEvent[]) =>
  z
    .array(z.enum(TOLD))
    .min(1)
    .default([...usual])
    .describe(
      'Of what: start, success, owed (the backup is safe, and a copy or the publication is still to come), failure (there is no new backup, or a copy is not what it should be)',
    );
const kind = <Name extends string>(name: Name) => z.literal(name).describe('In which form it is told');
const url = SecretName.describe(
  'NAME of the variable in the .env file of the host with the address, which is a secret',
);
const MailAddress = z
  .string()
  .max(254)
  .regex(/^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+$/, 'an address such as ops@example.net');

export const Notifier = z.discriminatedUnion('kind', [
  z
    .strictObject({ kind: kind('healthchecks'), url, on: on(TOLD) })
    .describe(
      'A ping address as healthchecks.io has it: …/start, the address itself, …/fail; owed counts as success, with the reason in the body',
    ),
  z.strictObject({ kind: kind('webhook'), url, on: on(['success', 'owed', 'failure']) }).describe('JSON by POST'),
  z.strictObject({ kind: kind('slack'), url, on: on(['owed', 'failure']) }).describe('An incoming webhook of Slack'),
  z
    .strictObject({
      kind: kind('ntfy'),
      url,
      token: SecretName.optional().describe('NAME of the variable in the .env file with the access token'),
      on: on(['owed', 'failure']),
    })
    .describe('The address of a topic of ntfy'),
  z
    .strictObject({
      kind: kind('mail'),
      from: MailAddress.describe('Sender'),
      to: z.array(MailAddress).min(1).max(20).describe('Receivers'),
      sendmail: Path.default('/usr/sbin/sendmail').describe('Program that takes the mail, unless smtp is named'),
      smtp: z
        .strictObject({
          address: Address,
          port: Port.default(587),
          tls: z
            .enum(['starttls', 'implicit', 'none'])
            .default('starttls')
            .describe('starttls is demanded, not only tried; none: in plain, for a server on the same machine'),
          user: z.string().min(1).max(254).optional().describe('Login name, where the server wants one'),
          password: SecretName.optional().describe('NAME of the variable in the .env file with its password'),
        })
        .optional()
        .describe('The server that takes the mail'),
      on: on(['owed', 'failure']),
    })
    .describe('A mail'),
]);
export type Notifier = z.infer<typeof Notifier>;
export type HttpNotifier = Exclude<Notifier, { kind: 'mail' }>;
export type MailNotifier = Extract<Notifier, { kind: 'mail' }>;
