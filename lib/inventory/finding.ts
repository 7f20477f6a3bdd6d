/** One thing that is wrong in the inventory. */
export interface InventoryFinding {
  /** Name of the rule; `yaml` and `schema` are those of form. */
  readonly rule: string;
  /** Path below the inventory's folder. */
  readonly file: string;
  /** From 1 on; null when the whole file is meant. */
  readonly line: number | null;
  readonly column: number | null;
  /** Keys from the top of the document on, as in `offsite[0].hostKey`; empty for the whole document. */
  readonly path: string;
  readonly message: string;
}

export type Steps = readonly (string | number)[];

/** What a rule says against one host or driller. */
export interface Objection {
  readonly steps: Steps;
  readonly message: string;
}

/** `hosts/db1.yaml:12:3 offsite[0].hostKey: what is wrong (rule)` */
export function renderFinding({ rule, file, line, column, path, message }: InventoryFinding): string {
  const place = [file, line, line === null ? null : column].filter((part) => part !== null).join(':');
  return `${place}${path === '' ? '' : ` ${path}`}: ${message} (${rule})`;
}

/** `offsite[0].hostKey` */
export function renderSteps(steps: Steps): string {
  return steps.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}
