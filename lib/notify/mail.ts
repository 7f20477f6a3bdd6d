import { createTransport, type Transporter } from 'nodemailer';
import { CoffreError, errnoOf } from '../model/error.ts';
import type { Wording } from '../model/news.ts';
import type { MailNotifier } from '../model/notify-config.ts';

const TIMEOUT_MS = 10_000;

/** Hands a mail over to the server or to the program that the notifier names. Throws `unexpected` without any secret. */
export async function mail(
  { from, to, sendmail, smtp }: MailNotifier,
  password: string | undefined,
  { subject, text }: Wording,
): Promise<void> {
  const transport: Transporter = smtp
    ? smtpTransport(smtp, password)
    : createTransport({ sendmail: true, path: sendmail, newline: 'unix' });
  try {
    // Files and addresses are for nobody: what is sent is text alone.
    await transport.sendMail({ from, to: [...to], subject, text, disableFileAccess: true, disableUrlAccess: true });
  } catch (error) {
    throw new CoffreError('unexpected', `cannot send the mail: ${whyOf(error)}`, {
      hint: smtp
        ? `look at ${smtp.address}:${smtp.port}, and at the user and password for it`
        : `look at ${sendmail}: it is what a mail server such as postfix or msmtp-mta brings; or name smtp in the inventory`,
    });
  } finally {
    transport.close();
  }
}

/** The way to a mail server. Whoever opens MUST close. */
export function smtpTransport(smtp: NonNullable<MailNotifier['smtp']>, password: string | undefined): Transporter {
  return createTransport({
    host: smtp.address,
    port: smtp.port,
    secure: smtp.tls === 'implicit',
    requireTLS: smtp.tls === 'starttls',
    ignoreTLS: smtp.tls === 'none',
    ...(smtp.user === undefined ? {} : { auth: { user: smtp.user, pass: password ?? '' } }),
    ...{ connectionTimeout: TIMEOUT_MS, greetingTimeout: TIMEOUT_MS, socketTimeout: TIMEOUT_MS },
  });
}

/** Codes alone: an answer of a server could hold anything. */
export function whyOf(error: unknown): string {
  const { code, responseCode } = error as { readonly code?: unknown; readonly responseCode?: unknown };
  const parts = [code ?? errnoOf(error), responseCode].filter((part) => /^[A-Z0-9_]+$/.test(String(part ?? '')));
  return parts.length > 0 ? parts.join(' ') : 'it was not taken';
}
