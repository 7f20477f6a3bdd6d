import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { CoffreError } from '../model/error.ts';
import type { MailNotifier } from '../model/notify-config.ts';
import { smtpTransport, whyOf } from './mail.ts';
import { causeOf } from './post.ts';

const TIMEOUT_MS = 10_000;

/**
 * Whether somebody answers where `url` leads. Only the server is asked for, never the address itself: of some, being called at
 * all is the message. Throws `unexpected` without any part of the address.
 */
export async function reachHttp(url: string): Promise<void> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const answer = await fetch(new URL('/', url).href, { method: 'HEAD', redirect: 'manual', signal });
    await answer.body?.cancel();
  } catch (error) {
    const isLate = error instanceof Error && error.name === 'TimeoutError';
    const why = isLate ? `no answer within ${TIMEOUT_MS / 1000} s` : `no connection (${causeOf(error)})`;
    throw new CoffreError('unexpected', `cannot reach its server: ${why}`, {
      hint: 'look at the address in the .env file of the host, and at its way to the service',
    });
  }
}

/** Whether a mail could be handed over: a login at the server, or the program. Throws `unexpected` without any secret. */
export async function reachMail({ sendmail, smtp }: MailNotifier, password: string | undefined): Promise<void> {
  if (!smtp) {
    await access(sendmail, constants.X_OK).catch(() => {
      throw new CoffreError('unexpected', `cannot run ${sendmail}`, {
        hint: `it is what a mail server such as postfix or msmtp-mta brings; or name smtp in the inventory`,
      });
    });
    return;
  }
  const transport = smtpTransport(smtp, password);
  try {
    await transport.verify();
  } catch (error) {
    throw new CoffreError('unexpected', `cannot hand a mail to ${smtp.address}:${smtp.port}: ${whyOf(error)}`, {
      hint: `look at ${smtp.address}:${smtp.port}, and at the user and password for it`,
    });
  } finally {
    transport.close();
  }
}
