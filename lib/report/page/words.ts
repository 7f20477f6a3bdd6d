import { html } from './html.ts';

/** What the words of the page mean: those of the records, and its own. */
export const WORDS = html`<section class="card" aria-labelledby="words"><h2 id="words">What the words mean</h2>
<dl class="words">
<dt>Recoverable</dt><dd>The last run that was due is on record as succeeded, signed by the host; nothing that was found is an error: neither in the chain of records, nor in the copies, nor in the drills that are demanded.</dd>
<dt>Night</dt><dd>A date on the clocks of the host. A run counts for the night at which it was due. What was due is told by the schedule as it is now.</dd>
<dt>re-hashed remotely</dt><dd>Read to the last byte where the copy lies, and its SHA-256 compared.</dd>
<dt>read back</dt><dd>Read to the last byte from where the copy lies, and compared here.</dd>
<dt>size only</dt><dd>Only its size could be compared.</dd>
<dt>whole on a date</dt><dd>A later look has read the copy where it lies and compared it with the signed record of its run: every byte, or as many segments as it says, chosen at random. Any other verdict means that this copy cannot be relied on.</dd>
<dt>owed</dt><dd>The run is safe in the store, and this copy was not made; a later run delivers it.</dd>
<dt>Drill</dt><dd>The run was restored into a throwaway server and compared by content; the time is from the first look at the copy until all was loaded and compared.</dd>
<dt>Chain of records</dt><dd>Each record names the SHA-256 of the one before it, so that none can be removed, changed or put elsewhere unseen.</dd>
</dl></section>`;

/** That nobody has to believe this page, and how to check what it says. */
export const HOW_TO_CHECK = html`<h2>Check it without this page</h2>
<p>Every record is a file of JSON with a signature beside it. With a clone of the audit repository and the list of signers from the inventory:</p>
<pre tabindex="0" aria-label="Commands that check one record"><code>ssh-keygen -Y verify -f allowed_signers -I HOST -n coffre-manifest \\
  -s manifests/HOST/YEAR/RUN.json.sig &lt; manifests/HOST/YEAR/RUN.json
sha256sum manifests/HOST/YEAR/RUN.json    # what the next record calls "previous"</code></pre>`;
