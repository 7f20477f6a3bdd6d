/*
 * The style of the page. One file, so everything is here; no font, image or sheet of somebody else. Colours are variables
 * with one value a theme; paper is light, whatever the screen is. Each outcome also has a shape of its own.
 */

const LIGHT = `
  --page: #f5f5f2; --card: #ffffff; --ink: #1c2227; --soft: #56616b; --hair: #e3e5e3; --sink: #f3f4f1;
  --link: #1f5f99; --ok: #176b4c; --ok-bg: #e3f2ea; --warn: #855600; --warn-bg: #fcf0d6; --bad: #b0281f; --bad-bg: #fae6e3;
  --cell: #43977a; --none: #d3d8d5; --void: #eff1ee; --sql: #2667a8; --sealed: #a9c6e4; --took: #6f5aa0; --took-bg: #ddd6ec; --mark: #c4520a;
  --on-mark: #ffffff;`;

const DARK = `
  --page: #101315; --card: #181c1f; --ink: #e6e9eb; --soft: #9ba6b0; --hair: #2b3136; --sink: #1f2428;
  --link: #86b9ea; --ok: #6fd0a5; --ok-bg: #15301f; --warn: #e5b456; --warn-bg: #33280f; --bad: #ff9187; --bad-bg: #3b1c19;
  --cell: #2f8f6a; --none: #353d42; --void: #1f2427; --sql: #7db4ee; --sealed: #2f5074; --took: #b5a1e6; --took-bg: #383052; --mark: #ff9d57;
  --on-mark: #181c1f;`;

export const STYLE = `
:root { color-scheme: light dark; ${LIGHT} }
@media screen and (prefers-color-scheme: dark) { :root { ${DARK} } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Helvetica, Arial, sans-serif;
  font-variant-numeric: tabular-nums;
}
main, .top, .foot { max-width: 1080px; margin: 0 auto; padding: 0 24px; }
a { color: var(--link); text-underline-offset: 3px; text-decoration-thickness: 1px; }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--link); outline-offset: 3px; border-radius: 4px; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; font-size: .86em; }
.skip { position: absolute; left: -9999px; }
.skip:focus { left: 16px; top: 12px; background: var(--card); padding: 8px 14px; }
.seen-by-readers { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.top { padding-top: 44px; padding-bottom: 12px; }
.brand { margin: 0 0 20px; color: var(--soft); font-size: .8125rem; letter-spacing: .08em; text-transform: uppercase; }
.verdict { display: flex; gap: 16px; align-items: flex-start; }
.verdict svg { flex: none; width: 2.4rem; height: 2.4rem; margin-top: .1rem; }
h1 { margin: 0; font-size: clamp(1.45rem, 1.05rem + 1.75vw, 2.15rem); line-height: 1.25; font-weight: 640; letter-spacing: -.014em; text-wrap: balance; overflow-wrap: anywhere; }
.source { margin: 14px 0 0; color: var(--soft); max-width: 46rem; }
.tone.good { color: var(--ok); } .tone.warned { color: var(--warn); } .tone.bad { color: var(--bad); }

.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 14px; margin: 28px 0 14px; padding: 0; }
.tile { background: var(--card); border: 1px solid var(--hair); border-radius: 12px; padding: 16px 18px 14px; }
.tile dt { color: var(--soft); font-size: .8125rem; }
.tile dd { margin: 2px 0 0; }
.tile .figure { display: block; font-size: 1.6rem; line-height: 1.25; font-weight: 620; letter-spacing: -.01em; }
.tile .small { display: block; margin-top: 3px; color: var(--soft); font-size: .8125rem; line-height: 1.4; }

.card { background: var(--card); border: 1px solid var(--hair); border-radius: 14px; padding: 26px 28px 28px; margin: 20px 0; }
.card > :first-child { margin-top: 0; } .card > :last-child { margin-bottom: 0; }
h2 { margin: 0; font-size: 1.2rem; line-height: 1.3; font-weight: 640; letter-spacing: -.006em; overflow-wrap: anywhere; }
h3 { margin: 30px 0 10px; font-size: .9375rem; font-weight: 620; }
.lead { color: var(--soft); margin: 4px 0 0; font-size: .9375rem; }
.heading { display: flex; flex-wrap: wrap; gap: 6px 14px; align-items: center; }
.pill { display: inline-flex; gap: 6px; align-items: center; border-radius: 999px; padding: 3px 11px 3px 8px; font-size: .8125rem; font-weight: 560; line-height: 1.4; white-space: nowrap; }
.pill svg { width: 15px; height: 15px; flex: none; }
.pill.good { background: var(--ok-bg); color: var(--ok); } .pill.warned { background: var(--warn-bg); color: var(--warn); } .pill.bad { background: var(--bad-bg); color: var(--bad); }
.up { margin-left: auto; font-size: .8125rem; }

table { border-collapse: collapse; width: 100%; font-size: .875rem; line-height: 1.45; }
th, td { text-align: left; padding: 9px 14px 9px 0; vertical-align: middle; border-bottom: 1px solid var(--hair); }
tr:last-child > td, tr:last-child > th { border-bottom: 0; }
thead th { color: var(--soft); font-weight: 520; font-size: .8125rem; border-bottom-color: var(--hair); white-space: nowrap; }
tbody th { font-weight: 560; }
th:last-child, td:last-child { padding-right: 0; }
.num { text-align: right; white-space: nowrap; }
.nowrap { white-space: nowrap; }
.host { overflow-wrap: anywhere; min-width: 5.5rem; }
.scroll { overflow-x: auto; }
td .tick { width: 13px; height: 13px; vertical-align: -2px; margin-right: 6px; }
.soft { color: var(--soft); }
.chart.strip { width: 154px; min-width: 154px; margin-left: auto; }
.copies td, .copies th { white-space: nowrap; vertical-align: top; }
.copies .looked { display: block; margin: 1px 0 0 19px; color: var(--soft); font-size: .8125rem; }
.copies td.soft .looked { margin-left: 0; }

.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 18px 24px; margin: 22px 0 0; }
.facts dt { color: var(--soft); font-size: .8125rem; }
.facts dd { margin: 1px 0 0; overflow-wrap: anywhere; }
.facts .main { display: block; font-weight: 560; }
.facts .small { display: block; margin-top: 2px; color: var(--soft); font-size: .8125rem; line-height: 1.4; }

.findings { list-style: none; margin: 20px 0 0; padding: 0; display: grid; gap: 8px; }
.findings li { border-radius: 10px; padding: 10px 14px; font-size: .9375rem; overflow-wrap: anywhere; }
.findings .error { background: var(--bad-bg); } .findings .warning { background: var(--warn-bg); }
.findings b { font-weight: 620; } .findings .error b { color: var(--bad); } .findings .warning b { color: var(--warn); }
.findings .hint { display: block; font-size: .8125rem; color: var(--ink); opacity: .85; }

figure { margin: 26px 0 0; min-width: 0; }
figcaption { display: flex; flex-wrap: wrap; gap: 2px 16px; align-items: baseline; margin-bottom: 8px; }
figcaption h3 { margin: 0; }
.halves, .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 310px), 1fr)); gap: 4px 36px; }
.pair { gap: 0 36px; }
.halves > svg { max-width: 470px; }
.chart { display: block; width: 100%; height: auto; overflow: visible; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 10px 0 0; padding: 0; color: var(--soft); font-size: .8125rem; }
.legend li { display: inline-flex; align-items: center; gap: 7px; }
.legend svg { width: 14px; height: 14px; flex: none; overflow: visible; }
.legend .none-yet { display: none; }

.chart text { font-family: inherit; font-size: 10px; fill: var(--soft); }
.chart .sign text { font-size: 9px; font-weight: 700; fill: var(--on-mark); } .chart .sign.hollow text { fill: var(--bad); }
.n-ok { fill: var(--cell); stroke: var(--cell); } .n-bad { fill: var(--bad); stroke: var(--bad); }
.n-skip { fill: var(--warn); stroke: var(--warn); } .n-gone { fill: var(--card); stroke: var(--bad); }
.n-wait { fill: var(--card); stroke: var(--soft); stroke-dasharray: 2 1.5; } .n-none { fill: var(--none); stroke: var(--none); }
.n-void { fill: var(--void); stroke: var(--void); }
.n-odd { fill: var(--mark); stroke: var(--mark); }
[class^="n-"] { stroke-linejoin: round; }
.l-grid { fill: none; stroke: var(--hair); } .l-sql { fill: none; stroke: var(--sql); stroke-width: 1.6; stroke-linejoin: round; }
.l-took { fill: none; stroke: var(--took); stroke-width: 1.6; stroke-linejoin: round; }
.a-sealed { fill: var(--sealed); } .a-took { fill: var(--took-bg); } .p-sql { fill: var(--sql); } .p-took { fill: var(--took); }
.p-odd { fill: var(--mark); stroke: var(--card); stroke-width: 1.5; }
.l-sql, .l-took, .l-grid { vector-effect: non-scaling-stroke; }

details { margin-top: 24px; border-top: 1px solid var(--hair); padding-top: 14px; }
summary { cursor: pointer; color: var(--link); font-size: .9375rem; width: fit-content; }
details table { margin-top: 12px; }
details td, details th { padding-top: 5px; padding-bottom: 5px; }
.nights th { font-weight: 440; white-space: nowrap; } .nights td:nth-child(n+3):nth-child(-n+5), .nights thead th:nth-child(n+3):nth-child(-n+5) { text-align: right; white-space: nowrap; }

.foot { color: var(--soft); font-size: .875rem; padding-top: 8px; padding-bottom: 56px; }
.words { display: grid; grid-template-columns: minmax(9rem, max-content) 1fr; gap: 8px 20px; margin: 14px 0 0; font-size: .9375rem; }
.words dt { font-weight: 560; } .words dd { margin: 0; color: var(--soft); }
pre { background: var(--sink); border-radius: 10px; padding: 14px 16px; overflow-x: auto; line-height: 1.6; color: var(--ink); }

.foot h2 { color: var(--ink); }

@media (max-width: 1023px) { .wider { display: none; } }
@media (max-width: 719px) {
  main, .top, .foot { padding-left: 16px; padding-right: 16px; }
  .top { padding-top: 28px; }
  .verdict { gap: 12px; } .verdict svg { width: 1.9rem; height: 1.9rem; }
  .card { padding: 20px 16px 22px; border-radius: 12px; }
  .tiles { grid-template-columns: 1fr 1fr; gap: 10px; } .tile { padding: 12px 14px; } .tile .figure { font-size: 1.3rem; }
  .wide { display: none; }
  .facts { grid-template-columns: 1fr 1fr; gap: 16px; }
  th, td { padding-right: 12px; }
  .host { min-width: 4rem; } .pill { white-space: normal; }
  .words { grid-template-columns: 1fr; gap: 2px; } .words dd { margin-bottom: 10px; }
  .up { display: none; }
   .halves > svg { max-width: none; }
}
@media print {
  body { background: #fff; font-size: 10.5pt; }
  main, .top, .foot { max-width: none; padding: 0; }
  .card, .tile { border-color: #ccc; }
  .card { padding: 18px 20px 20px; }
  .tiles { grid-template-columns: repeat(4, 1fr); gap: 10px; } .tile { padding: 12px 14px; } .tile .figure { font-size: 1.25rem; }
  .facts { grid-template-columns: repeat(4, 1fr); gap: 14px; }
  th, td { padding-top: 6px; padding-bottom: 6px; }
  .wider { display: none; }
  .card, .tile, figure, tr, .findings li { break-inside: avoid; }
  .host-card { break-inside: auto; }
  h2, h3 { break-after: avoid; }
  details, .up, .skip { display: none; }
  svg, .pill, .findings li { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  a { color: inherit; text-decoration: none; }
}
`;
