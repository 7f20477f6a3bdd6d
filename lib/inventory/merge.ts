import { isValueMap, type Value, type ValueMap } from './yaml-document.ts';

/**
 * `over` merged into `under`: maps key by key, everything else replaced whole. Where a map stands for one of several
 * forms, the form that `over` chooses takes away what `under` says about the other: of a database, `socket` is one
 * form and `address` another; anywhere else, `kind` tells the form.
 */
export function mergeDefaults(under: ValueMap, over: ValueMap): ValueMap {
  const base = withoutOtherForm(under, over);
  const keys = [...new Set([...Object.keys(base), ...Object.keys(over)])];
  return Object.fromEntries(keys.map((key) => [key, mergeValue(own(base, key), own(over, key))]));
}

const FORMS = [['socket'], ['address', 'port', 'tls']] as const;

function withoutOtherForm(under: ValueMap, over: ValueMap): ValueMap {
  const [kindUnder, kindOver] = [own(under, 'kind'), own(over, 'kind')];
  if (kindUnder !== undefined && kindOver !== undefined && kindUnder !== kindOver) return {};
  const chosen = FORMS.findIndex(([sign]) => own(over, sign) !== undefined);
  const isDatabase =
    own(under, 'socket') !== undefined || own(under, 'account') !== undefined || own(under, 'tls') !== undefined;
  if (chosen < 0 || !isDatabase) return under;
  const foreign: readonly string[] = FORMS.filter((_form, index) => index !== chosen).flat();
  return Object.fromEntries(Object.entries(under).filter(([key]) => !foreign.includes(key)));
}

function mergeValue(under: Value | undefined, over: Value | undefined): Value {
  if (over === undefined) return under ?? null;
  return isValueMap(under) && isValueMap(over) ? mergeDefaults(under, over) : over;
}

function own(map: ValueMap, key: string): Value | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}
