import t from 'tap';
import { planRuntime, suitableNode } from '../../lib/host/plan-runtime.ts';

t.test('the Node of a host suits from 20.19, 22.18 and 24 on', (t) => {
  for (const version of ['v20.19.0', 'v20.20.2', '22.18.0\n', 'v22.23.3', 'v24.0.0', 'v25.1.0', 'v100.0.0']) {
    t.ok(suitableNode(version), version);
  }
  for (const version of [
    ...['v20.18.9', 'v18.20.4', 'v21.7.3', 'v22.17.1', 'v23.11.0', 'v2.40.0', 'v0.10.48'],
    ...['v24.0.0-rc.1', 'v24', '', 'node', 'v22.18.0 || rm', 'vv24.0.0', '-24.0.0', '24.0.0\n1'],
  ]) {
    t.notOk(suitableNode(version), JSON.stringify(version));
  }
  t.end();
});

t.test('the runtime comes along where the own Node does not suit, for the machine that the host is', (t) => {
  const glibc = { libc: 'glibc' } as const;
  t.strictSame(planRuntime({ machine: 'x86_64', nodeVersion: 'v20.19.2', ...glibc }), { arch: 'x64', runtime: false });
  t.strictSame(planRuntime({ machine: 'x86_64', nodeVersion: 'v18.20.4', ...glibc }), { arch: 'x64', runtime: true });
  t.strictSame(planRuntime({ machine: 'aarch64', nodeVersion: null, ...glibc }), { arch: 'arm64', runtime: true });
  t.match(planRuntime({ machine: 'riscv64', nodeVersion: 'v24.1.0', ...glibc }), { runtime: false });
  t.match(planRuntime({ machine: 'x86_64', nodeVersion: 'v24.1.0', libc: 'musl' }), { runtime: false });
  for (const machine of ['riscv64', 'armv7l', '', 'constructor', 'x86_64\n$(id)']) {
    t.throws(() => planRuntime({ machine, nodeVersion: 'v18.0.0', ...glibc }), {
      code: 'program-missing',
      message: /and it has "v18\.0\.0"$/,
      hint: /install Node/,
    });
  }
  t.throws(() => planRuntime({ machine: 'x86_64', nodeVersion: null, libc: 'musl' }), {
    message: /musl, and it has none$/,
  });
  t.end();
});
