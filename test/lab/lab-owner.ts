/** A process that starts a lab of one host in the folder that it is told, says what its link is called, and stays. */
import { startLab } from './start-lab.ts';

const lab = await startLab({ folder: process.argv[2] ?? '', hosts: [{ name: 'bare' }] });
process.stdout.write(`${lab.plan.link}\n`);
setInterval(() => undefined, 1 << 30);
