import fc from 'fast-check';
import t from 'tap';
import { html, ownMarkup } from '../../../lib/report/page/html.ts';

t.test('a text stays text, in an element and in an attribute', async (t) => {
  const text = `<img src=x onerror="alert('1')"> & more`;
  const shown = '&#60;img src=x onerror=&#34;alert(&#39;1&#39;)&#34;&#62; &#38; more';
  t.equal(html`<p title="${text}">${text}</p>`.markup, `<p title="${shown}">${shown}</p>`);
  t.equal(
    html`${'a\u202eb\u0000\n'}`.markup,
    'a\\u{202e}b\\u{0}\\u{a}',
    'nothing turns the text around, or hides in it',
  );
});

t.test('pieces are put together, and what is absent is nothing', async (t) => {
  const items = ['a', 'b<'].map((text) => html`<li>${text}`);
  t.equal(html`<ul>${items}</ul>${null}${false}${0}${ownMarkup('<hr>')}`.markup, '<ul><li>a<li>b&#60;</ul>0<hr>');
});

t.test('no text whatever opens an element or ends an attribute', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => !/[<>"']|&(?!#\d+;)/.test(html`${text}`.markup)),
    { numRuns: 2000 },
  );
});
