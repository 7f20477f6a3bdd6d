import { html } from './html.ts';
import type { Inks } from './inks.ts';
import { leanPath, type Matrix, round } from './lean-path.ts';

const ELEMENT = /<(path|text)\b([^>]*)>([^<]*)/g;
const ATTRIBUTE = /([a-z-]+)="([^"]*)"/g;

/**
 * What echarts has drawn, reduced to what is to be seen: paths and texts, in groups of one class in place of a colour,
 * coordinates to a tenth of a pixel. Returns what stands inside of an <svg>. What is drawn in none of `inks` is left out, and so are
 * the style for pointing at things, and clips: nothing here is drawn outside of its place.
 */
export function leanSvg(svg: string, inks: Inks): string {
  const pieces: string[] = [];
  let group = '';
  for (const [, name, attributes = '', content = ''] of svg.matchAll(ELEMENT)) {
    const of = new Map([...attributes.matchAll(ATTRIBUTE)].map(([, key = '', value = '']) => [key, value]));
    const mark = inks.markOf(of.get('fill')) ?? inks.markOf(of.get('stroke'));
    if (!mark) continue;
    const { className, title } = mark;
    if (className !== group) {
      pieces.push(group === '' ? '' : '</g>', className === '' ? '' : `<g class="${className}">`);
      group = className;
    }
    const matrix = matrixOf(of.get('transform'));
    if (name === 'path') {
      const path = `<path d="${leanPath(of.get('d') ?? '', matrix)}"`;
      pieces.push(title === undefined ? `${path}/>` : `${path}>${html`<title>${title}</title>`.markup}</path>`);
    } else {
      const [x, y] = [Number(of.get('x') ?? 0) + matrix[4], Number(of.get('y') ?? 0) + matrix[5]];
      const anchor = of.get('text-anchor') ?? 'start';
      const place = `x="${round(x)}" y="${round(y)}" dy=".35em"${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}`;
      pieces.push(`<text ${place}>${content}</text>`);
    }
  }
  return pieces.join('') + (group === '' ? '' : '</g>');
}

function matrixOf(transform: string | undefined): Matrix {
  const [, name, list = ''] = /^(matrix|translate)\(([^)]*)\)$/.exec(transform ?? '') ?? [];
  const numbers = list.split(/[ ,]+/).map(Number);
  if (name === 'translate') return [1, 0, 0, 1, numbers[0] ?? 0, numbers[1] ?? 0];
  return name === 'matrix' ? (numbers as unknown as Matrix) : [1, 0, 0, 1, 0, 0];
}
