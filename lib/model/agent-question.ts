import * as z from 'zod';
import { RunId } from './run-id.ts';
import { ToldFailure } from './told-failure.ts';

/** The most that a host may ask for at a time, and so the most that control holds for it. */
export const LARGEST_ANSWER_BYTES = 256 * 1024;

const Base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/, 'base64');
/** Which of the places that control reads: one of those of the order, counted from 0 on. */
const Place = z.int().min(0).max(1000);
/** A name of a file in the folder of a run: none leads out of it. */
const FileName = z.string().regex(/^[A-Za-z0-9@%_~-][A-Za-z0-9@%._~-]{0,250}$/, 'the name of a file of a run');

/**
 * What an agent may ask of control while it carries out its order. Control has what a host must not have: the private key,
 * and the way to copies that the host cannot reach.
 */
export const AgentQuestion = z.discriminatedUnion('ask', [
  /** The passphrase of this run. The files are those of the copy, as they are: control judges them itself. */
  z.strictObject({
    ask: z.literal('passphrase'),
    run: RunId,
    where: z.string(),
    manifest: Base64,
    signature: Base64,
    /** Envelopes by their names, as far as the copy has them. */
    wrappedKeys: z.record(FileName, Base64),
  }),
  /** Answered by the names of the runs as JSON. */
  z.strictObject({ ask: z.literal('runs'), place: Place }),
  /** Answered by the names of the files as JSON, or null where there is no such run. */
  z.strictObject({ ask: z.literal('files'), place: Place, run: RunId }),
  /** Answered by the number of bytes as JSON, or null where there is no such file. */
  z.strictObject({ ask: z.literal('size'), place: Place, run: RunId, file: FileName }),
  /** Answered by the bytes themselves, or fewer where the file ends. */
  z.strictObject({
    ask: z.literal('read'),
    place: Place,
    run: RunId,
    file: FileName,
    start: z.int().min(0),
    bytes: z.int().min(1).max(LARGEST_ANSWER_BYTES),
  }),
]);
export type AgentQuestion = z.infer<typeof AgentQuestion>;

/** A line of control's answer: so many bytes follow, or it is an error. */
export const AnswerLine = z.union([
  z.strictObject({
    id: z.int(),
    bytes: z
      .int()
      .min(0)
      .max(16 * 1024 * 1024),
  }),
  z.strictObject({ id: z.int(), error: ToldFailure }),
]);
export type AnswerLine = z.infer<typeof AnswerLine>;
