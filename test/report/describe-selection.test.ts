import t from 'tap';
import { type DescribedSelection, describeSelection } from '../../lib/report/describe-selection.ts';

const WHOLE: DescribedSelection = {
  as: null,
  tables: null,
  schemaOnly: false,
  definer: { kind: 'keep' },
  events: 'keep',
};

t.test('says what is changed, and nothing of what is not', async (t) => {
  t.equal(describeSelection(WHOLE), '');
  t.equal(describeSelection({ ...WHOLE, as: 'b', tables: ['x', 'y'] }), ' as b, only x and y');
  t.equal(
    describeSelection({ ...WHOLE, schemaOnly: true, definer: { kind: 'map' }, events: 'disabled' }),
    ', without rows, with other definers, its events disabled',
  );
});
