import t from 'tap';
import { BY_MANIFEST, offsiteContract } from '../contract/offsite.ts';
import { withoutRclone } from '../fixture/rclone.ts';
import { rcloneRemotes } from '../fixture/rclone-remotes.ts';

if (withoutRclone) t.comment(`not tried: ${withoutRclone}`);
else {
  const { at } = await rcloneRemotes(t);
  const common = { resumes: false, layout: BY_MANIFEST, onlyFiles: true } as const;
  offsiteContract(t, { ...common, name: 'rclone, a folder', open: at('disk'), verified: 're-hashed remotely' });
  offsiteContract(t, {
    ...common,
    name: 'rclone, where nothing is removed',
    open: at('disk', { appendOnly: true, verify: 'read-back' }),
    layout: { ...BY_MANIFEST, keepsAll: true },
    verified: 'read back',
  });
}
