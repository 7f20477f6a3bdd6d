import type { News, Wording } from '../model/news.ts';
import type { HttpNotifier } from '../model/notify-config.ts';

export interface HttpRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What is posted to tell `news`. `url` and `token` are the secrets that the notifier names. */
export function httpRequest(
  { kind }: Pick<HttpNotifier, 'kind'>,
  { url, token }: { readonly url: string; readonly token: string | undefined },
  news: News,
  { subject, text }: Wording,
): HttpRequest {
  const plain = { 'content-type': 'text/plain; charset=utf-8' };
  const json = { 'content-type': 'application/json' };
  switch (kind) {
    case 'healthchecks':
      return { url: pingUrl(url, news), headers: plain, body: `${subject}\n${text}` };
    case 'webhook':
      return { url, headers: json, body: JSON.stringify({ ...news, subject, text }) };
    case 'slack':
      return { url, headers: json, body: JSON.stringify({ text: escapeSlack(`*${subject}*\n${text}`) }) };
    case 'ntfy': {
      const isBad = news.event === 'failure';
      const headers = {
        ...plain,
        title: subject.replace(/[^\x20-\x7e]/g, '?'),
        priority: isBad ? 'high' : 'default',
        tags: isBad ? 'rotating_light' : news.event === 'owed' ? 'warning' : 'white_check_mark',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      };
      return { url, headers, body: text };
    }
  }
}

/** Source: healthchecks.io, Pinging API. The query of the address stays where it is. */
function pingUrl(address: string, { event }: News): string {
  const url = new URL(address);
  const suffix = { start: '/start', success: '', owed: '', failure: '/fail' }[event];
  url.pathname = url.pathname.replace(/\/+$/, '') + suffix;
  return url.href;
}

/** Source: Slack, Formatting text for app surfaces: these three have a meaning of their own. */
function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
