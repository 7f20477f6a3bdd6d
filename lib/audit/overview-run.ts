import type { OverviewRun } from '../model/overview.ts';
import type { PublishedLink } from './published.ts';

export function overviewRun({ run, startedAt, finishedAt, figures, error }: PublishedLink): OverviewRun {
  const { databases, plainBytes, sealedBytes, dayArchiveBytes } = figures;
  return {
    run,
    startedAt,
    durationMs: Math.max(0, Date.parse(finishedAt) - Date.parse(startedAt)),
    databases,
    plainBytes,
    sealedBytes: dayArchiveBytes ?? sealedBytes,
    errorCode: error?.code ?? null,
  };
}
