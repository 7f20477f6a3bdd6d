import * as z from 'zod';
import { Path } from './config-parts.ts';

export const MetricsConfig = z
  .strictObject({
    textfile: Path.describe(
      'Folder in which the textfile collector of node_exporter looks for files, such as /var/lib/prometheus/node-exporter; coffre makes none',
    ),
  })
  .describe('Numbers of each task for Prometheus; none are written if absent');
