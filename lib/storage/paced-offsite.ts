import type { Pace } from '../system/pace.ts';
import type { Offsite } from './offsite.ts';
import type { Resumable } from './resumable.ts';

/**
 * `offsite`, to which everything large is sent at `pace`. Small files, a ten-thousandth of a run, are not held up;
 * neither is what is read back from it.
 */
export function pacedOffsite(offsite: Offsite, pace: Pace): Offsite {
  return {
    ...offsite,
    async beginRun(run) {
      const upload = await offsite.beginRun(run);
      return {
        ...upload,
        put: (name, content, facts) =>
          upload.put(name, Buffer.isBuffer(content) ? content : paced(content, pace), facts),
      };
    },
  };
}

function paced(content: Resumable, pace: Pace): Resumable {
  return { ...content, from: (start) => pace.through(content.from(start)) };
}
