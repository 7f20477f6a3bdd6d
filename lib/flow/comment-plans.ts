import { CoffreError } from '../model/error.ts';
import { PLAN_MARKER } from '../report/plan-comment.ts';
import type { PullRequestComment, PullRequestComments } from '../system/github-comments.ts';
import { publicText } from '../system/known-secrets.ts';

export interface Commented {
  readonly action: 'created' | 'updated';
  readonly url: string;
  /** Further comments of ours with plans, which two runs at a time can leave behind. */
  readonly removed: number;
}

/**
 * Leaves exactly one comment with plans on a pull request: `plans`, which begin with the marker. The one that is
 * there is updated in place. Ours is what bears our own login *and* begins with the marker: what people write stays,
 * also when they quote a plan.
 */
export async function commentPlans(comments: PullRequestComments, plans: string): Promise<Commented> {
  const body = publicText(plans);
  const self = await comments.self();
  const ours = async () => (await comments.list()).filter((comment) => comment.author === self && hasMarker(comment));
  const [first, ...further] = await ours();
  const kept = first && (await unlessGone(comments.update(first.id, body)));
  if (!kept) return { action: 'created', url: (await createOnce(comments, ours, body)).url, removed: 0 };
  for (const { id } of further) await unlessGone(comments.remove(id));
  return { action: 'updated', url: kept.url, removed: further.length };
}

function hasMarker({ body }: PullRequestComment): boolean {
  return body.split('\n', 1)[0]?.trimEnd() === PLAN_MARKER;
}

/** A lost answer does not mean that GitHub has not made the comment: a look tells, and only then is it sent again. */
async function createOnce(
  comments: PullRequestComments,
  ours: () => Promise<readonly PullRequestComment[]>,
  body: string,
): Promise<PullRequestComment> {
  try {
    return await comments.create(body);
  } catch (error) {
    if (!(error instanceof CoffreError && error.code === 'github-unreachable')) throw error;
    const made = (await ours()).find((comment) => comment.body.trimEnd() === body.trimEnd());
    return made ?? (await comments.create(body));
  }
}

/** undefined where somebody has just removed the comment. */
async function unlessGone<T>(act: Promise<T>): Promise<T | undefined> {
  try {
    return await act;
  } catch (error) {
    if (error instanceof CoffreError && error.code === 'not-found') return undefined;
    throw error;
  }
}
