import * as z from 'zod';
import { Sha256 } from '../../model/names.ts';

/** The machines for which there is a runtime, by the name that Node gives them. */
export const ARCHITECTURES = ['x64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** Named by its content: the version of coffre, a digest of the bundle, and the runtime if one comes along. */
export const ReleaseVersion = z
  .string()
  .regex(/^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?-[0-9a-f]{8}(-node\d+\.\d+\.\d+-(x64|arm64))?$/, 'a version of a release')
  .brand<'ReleaseVersion'>();
export type ReleaseVersion = z.infer<typeof ReleaseVersion>;

/** Relative, with no step upwards: it is joined to the folder of the release. */
const RelativePath = z.string().regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/);

const ReleaseFile = z.strictObject({
  path: RelativePath,
  sizeBytes: z.int().min(0),
  sha256: Sha256,
  executable: z.boolean(),
});
export type ReleaseFile = z.infer<typeof ReleaseFile>;

/** `release.json`: what a release is, and every other file of it, so that any damage shows. */
export const ReleaseDescription = z.strictObject({
  version: ReleaseVersion,
  /** The version of the coffre that built it. */
  coffre: z.string(),
  verbs: z.array(z.string()),
  /** The Node that it needs, as a range. */
  node: z.string(),
  /** The Node that it brings along; null when it runs on that of the host. */
  runtime: z.strictObject({ node: z.string(), architecture: z.enum(ARCHITECTURES) }).nullable(),
  /** Sorted by path. */
  files: z.array(ReleaseFile),
});
export type ReleaseDescription = z.infer<typeof ReleaseDescription>;

/** Name of the description in the folder of its release. */
export const DESCRIPTION = 'release.json';
