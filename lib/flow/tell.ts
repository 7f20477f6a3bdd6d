import { asCoffreError, CoffreError } from '../model/error.ts';
import type { Emit } from '../model/event.ts';
import type { News } from '../model/news.ts';
import type { Notifier } from '../model/notify-config.ts';
import { httpRequest } from '../notify/http-request.ts';
import { mail } from '../notify/mail.ts';
import { type PostLimits, post } from '../notify/post.ts';
import { wordingOf } from '../report/news.ts';
import { learnSecret } from '../system/known-secrets.ts';
import { readSecrets, type Secrets } from '../system/secrets.ts';

export interface TellOrder {
  readonly notify: readonly Notifier[];
  /** The .env file with what the notifiers name. */
  readonly secretsFile: string;
  readonly emit: Emit;
  /** Those of `post` if absent. */
  readonly limits?: PostLimits;
}

/** What could not be told, to whom. */
export interface Untold {
  readonly kind: Notifier['kind'];
  readonly event: News['event'];
}

/**
 * Tells `news` to everybody whom the inventory names for it, all at once. Never throws, and fails nothing: what could not be
 * told is a warning, and is given back.
 */
export async function tell(news: News, { notify, secretsFile, emit, limits }: TellOrder): Promise<readonly Untold[]> {
  const wanted = notify.filter(({ on }) => on.includes(news.event));
  if (wanted.length === 0) return [];
  const wording = wordingOf(news);
  let secrets: Promise<Secrets> | undefined;
  const tellOne = async (notifier: Notifier): Promise<readonly Untold[]> => {
    try {
      secrets ??= readSecrets(secretsFile);
      const known = await secrets;
      if (notifier.kind === 'mail') {
        const { smtp } = notifier;
        await mail(notifier, smtp?.password === undefined ? undefined : known.secret(smtp.password), wording);
        return [];
      }
      const url = urlOf(notifier.url, known);
      const token = notifier.kind === 'ntfy' && notifier.token !== undefined ? known.secret(notifier.token) : undefined;
      await post(httpRequest(notifier, { url, token }, news, wording), limits);
      return [];
    } catch (error) {
      const { message, hint } = asCoffreError(error);
      const text = `${notifier.kind} was not told of the ${news.event}: ${message}`;
      emit({ kind: 'warning', subject: news.host, text, hint: hint ?? 'look at notify of this host in the inventory' });
      return [{ kind: notifier.kind, event: news.event }];
    }
  };
  return (await Promise.all(wanted.map(tellOne))).flat();
}

/** The address that `name` stands for: whoever has it can speak in the name of the host. */
export function urlOf(name: string, secrets: Secrets): string {
  const text = secrets.secret(name);
  learnSecret(text);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === 'https:' || url.protocol === 'http:')) return url.href;
  throw new CoffreError('inventory', `cannot use the value of ${name}: it is no http or https address`, {
    hint: `look at the line ${name}=… of the .env file`,
  });
}
