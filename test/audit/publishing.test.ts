import t from 'tap';
import { publishingContract } from '../contract/publishing.ts';
import { gitHubRemote, gitRemote } from '../fixture/publishing-remotes.ts';

/* What each kind of audit repository has to hold, but for what takes long: that is in publishing.suite.ts. */
publishingContract(t, 'git', gitRemote, { quick: true });
publishingContract(t, 'github', gitHubRemote, { quick: true });
