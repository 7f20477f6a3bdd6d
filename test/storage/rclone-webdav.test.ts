import t from 'tap';
import { BY_MANIFEST, offsiteContract } from '../contract/offsite.ts';
import { withoutRclone } from '../fixture/rclone.ts';
import { rcloneRemotes } from '../fixture/rclone-remotes.ts';

if (withoutRclone) t.comment(`not tried: ${withoutRclone}`);
else {
  const { at } = await rcloneRemotes(t);
  const common = { resumes: false, layout: BY_MANIFEST, onlyFiles: true } as const;
  offsiteContract(t, { ...common, name: 'rclone, WebDAV', open: at('dav'), verified: 'read back' });
}
