import { type EChartsCoreOption, init } from 'echarts/dist/echarts.esm.min.mjs';
import { type Html, html, ownMarkup } from './html.ts';
import type { Inks } from './inks.ts';
import { leanSvg } from './lean-svg.ts';

export interface Chart {
  /** Each colour in it is one of `inks`. */
  readonly option: EChartsCoreOption;
  readonly inks: Inks;
  readonly width: number;
  readonly height: number;
  /** What it shows, for those who do not see it. */
  readonly label: string;
}

/** A chart as a drawing that needs no script, scales with its place, and takes its colours from the style of the page. */
export function drawChart({ option, inks, width, height, label }: Chart): Html {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({ ...option, animation: false });
    const drawing = ownMarkup(leanSvg(chart.renderToSVGString(), inks));
    return html`<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">${drawing}</svg>`;
  } finally {
    chart.dispose();
  }
}
