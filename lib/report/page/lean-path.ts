/** `a b c d e f` of an SVG matrix; only scaling and moving are made here, so that `b` and `c` are 0. */
export type Matrix = readonly [number, number, number, number, number, number];

/**
 * A path with fewer letters: moved and scaled by `matrix`, relative, to a tenth of a pixel. Knows what echarts writes:
 * M, L, l, A and Z. Each corner is rounded where it is, and not as a step, so that no error grows along a line.
 */
export function leanPath(path: string, [scaleX, , , scaleY, moveX, moveY]: Matrix): string {
  const steps: string[] = [];
  let [x, y] = [0, 0]; // as given
  let [atX, atY] = [0, 0]; // as written
  let level = 0; // how far the last step has gone, when it was level
  for (const [, command = '', list = ''] of path.matchAll(/([A-Za-z])([^A-Za-z]*)/g)) {
    if (command === 'Z' || command === 'z') {
      steps.push('z');
      continue;
    }
    const numbers = (list.match(/-?(?:\d+\.?\d*|\.\d+)/g) ?? []).map(Number);
    const [toX = 0, toY = 0] = numbers.slice(-2);
    [x, y] = command === 'l' ? [x + toX, y + toY] : [toX, toY];
    const [endX, endY] = [round(x * scaleX + moveX), round(y * scaleY + moveY)];
    const [stepX, stepY] = [round(endX - atX), round(endY - atY)];
    [atX, atY] = [endX, endY];
    const isLevel = command !== 'M' && command !== 'A' && stepY === 0;
    if (command === 'M') steps.push(`M${pair(endX, endY)}`);
    else if (command === 'A') {
      const [radiusX = 0, radiusY = 0, , large = 0, sweep = 0] = numbers;
      const radii = pair(round(radiusX * scaleX), round(radiusY * scaleY));
      steps.push(`a${radii} 0 ${large} ${sweep} ${pair(stepX, stepY)}`);
    } else if (isLevel) {
      // The floor of an area has a corner for each of its points.
      if (Math.sign(level) === Math.sign(stepX) && level !== 0) steps.pop();
      else level = 0;
      level = round(level + stepX);
      if (level !== 0) steps.push(`h${short(level)}`);
    } else steps.push(stepX === 0 ? `v${short(stepY)}` : `l${pair(stepX, stepY)}`);
    if (!isLevel) level = 0;
  }
  return steps.join('');
}

/** To a tenth. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Two numbers: a sign divides them as well as a blank does. */
function pair(first: number, second: number): string {
  return second < 0 ? short(first) + short(second) : `${short(first)} ${short(second)}`;
}

/** `-0.7` → `-.7`. */
function short(value: number): string {
  return String(value).replace(/^(-?)0\./, '$1.');
}
