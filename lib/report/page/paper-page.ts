import encodeQR from 'qr';
import { type Html, html, ownMarkup } from './html.ts';

export interface PaperFacts {
  /** Whose key it is; null where no inventory says it. */
  readonly name: string | null;
  /** Of the public key. */
  readonly fingerprint: string;
  /** Of the file that comes out again. */
  readonly sha256: string;
  readonly header: string;
  readonly lines: readonly string[];
  readonly madeAt: Date;
}

/** So many lines are some 700 characters: squares that a telephone reads off paper without trouble. */
const LINES_A_CODE = 8;
const GROUP = 8;
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE = `@page{size:A4;margin:16mm}
body{font:10.5pt/1.4 system-ui,sans-serif;max-width:180mm;margin:0 auto;color:#000;background:#fff}
h1{font-size:17pt;margin:0 0 2mm}h2{font-size:12.5pt;margin:7mm 0 2mm;break-after:avoid}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.6mm 4mm;margin:3mm 0}dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}
.codes{display:grid;grid-template-columns:repeat(2,1fr);gap:7mm 5mm}figure{margin:0;text-align:center;break-inside:avoid}
svg{width:78mm;height:78mm;display:block;margin:0 auto}figcaption{font-size:9pt}
pre{font:8.6pt/1.5 "DejaVu Sans Mono","Liberation Mono",monospace;margin:2mm 0;white-space:pre-wrap;overflow-wrap:anywhere}
pre.key{font-size:8.2pt;white-space:pre;break-inside:auto}.last{break-before:page}`;

/** The groups of lines that go into a code each, with the first line of the whole in front, so that they are not mixed up. */
export function paperCodes({ header, lines }: Pick<PaperFacts, 'header' | 'lines'>): readonly string[] {
  const codes: string[] = [];
  for (let from = 0; from < lines.length; from += LINES_A_CODE) {
    codes.push([header, ...lines.slice(from, from + LINES_A_CODE)].join('\n'));
  }
  return codes;
}

/** A page to be printed: the key as codes and as text, and how it is got back, with coffre and without. Loads and runs nothing. */
export function renderPaper(facts: PaperFacts): string {
  const whose = facts.name ?? 'a recipient';
  const file = `${facts.name ?? 'key'}.pem`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="robots" content="noindex">
<title>Private key of ${whose}, on paper</title>
<style>${ownMarkup(STYLE)}</style>
</head>
<body>
<h1>Private key of ${whose}</h1>
<p>With its passphrase, which is <strong>not</strong> on this paper, this key opens every backup that was sealed for ${whose}. Keep the two in
different places, both away from the servers. Whoever copies this page has the key; without the passphrase it opens nothing.</p>
<dl>
<dt>Printed from a page of</dt><dd>${facts.madeAt.toISOString().slice(0, 10)}</dd>
<dt>SHA-256 of the public key</dt><dd><code>${facts.fingerprint}</code></dd>
<dt>SHA-256 of the file</dt><dd><code>${facts.sha256}</code></dd>
</dl>
<h2>As codes</h2>
<p>Each holds some of the lines below as they stand there. Any reader of QR codes gives the text: put the texts one behind the other into
<code>typed.txt</code>, in any order.</p>
<div class="codes">${paperCodes(facts).map((text, index) => codeOf(text, index, facts.lines.length))}</div>
<h2 class="last">As text</h2>
<p>A number, 64 characters in groups of eight, and four digits that tell a mistake in the line. Blanks count for nothing.</p>
<pre class="key">${verbatim([facts.header, ...facts.lines.map(grouped)].join('\n'))}</pre>
<h2>To get the file back with coffre</h2>
<pre>npx zx tasks/keys.ts read-paper --text typed.txt --out ${file}</pre>
<h2>To get it back by hand</h2>
<p>In a POSIX shell, with openssl and coreutils. The first command names each line that is wrong, and should say nothing:</p>
<pre id="check">${verbatim(CHECK)}</pre>
<pre id="join">${verbatim(joined(file))}</pre>
<p>The first of these prints <code>${facts.sha256}</code>, or a line is wrong or missing. The second asks for the passphrase, and the third prints the
SHA-256 of the public key that stands at the top:</p>
<pre id="prove">sha256sum ${file}
openssl pkey -in ${file} -noout
openssl pkey -in ${file} -pubout -outform DER | sha256sum</pre>
</body>
</html>
`;
  return page.markup;
}

const CHECK = `grep '^[0-9]' typed.txt | while read -r number rest; do
  characters=$(printf '%s' "\${rest% *}" | tr -d ' ')
  test "$(printf '%s %s' "$number" "$characters" | sha256sum | cut -c1-4)" = "\${rest##* }" || echo "line $number is wrong"
done`;

const joined = (file: string) => `{ echo '-----BEGIN ENCRYPTED PRIVATE KEY-----'
  sort -n -u typed.txt | sed -n 's/^[0-9][0-9]* *\\([A-Za-z0-9+/= ]*\\) [0-9a-f]\\{4\\} *$/\\1/p' | tr -d ' '
  echo '-----END ENCRYPTED PRIVATE KEY-----'; } > ${file}`;

/** Text of several lines, which stay lines. */
function verbatim(text: string): Html {
  return ownMarkup(
    text
      .split('\n')
      .map((line) => html`${line}`.markup)
      .join('\n'),
  );
}

function codeOf(text: string, index: number, count: number): Html {
  const first = index * LINES_A_CODE + 1;
  const last = Math.min(count, first + LINES_A_CODE - 1);
  const modules = encodeQR(text, 'raw', { ecc: 'medium', encoding: 'byte', border: 4 });
  const size = modules.length;
  const path = modules.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : []))).join('');
  const svg = `<svg viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges" role="img" aria-label="QR code ${index + 1}"><rect width="${size}" height="${size}" fill="#fff"/><path d="${path}" fill="#000"/></svg>`;
  return html`<figure>${ownMarkup(svg)}<figcaption>lines ${first} to ${last}</figcaption></figure>`;
}

/** `01 MIIJtTBf BgkqhkiG … 3fa9` */
function grouped(line: string): string {
  const [number = '', characters = '', check = ''] = line.split(' ');
  const groups = characters.match(new RegExp(`.{1,${GROUP}}`, 'g')) ?? [];
  return `${number} ${groups.join(' ')} ${check}`;
}
